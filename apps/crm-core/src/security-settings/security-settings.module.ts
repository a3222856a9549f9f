import { Module } from '@nestjs/common';
import { ChangeSecuritySettings, ChangeSecuritySettingsHandler } from './security-settings.handlers.js';

export const SECURITY_SETTINGS_COMMANDS = { ChangeSecuritySettings };

@Module({ providers: [ChangeSecuritySettingsHandler] })
export class SecuritySettingsModule {}
