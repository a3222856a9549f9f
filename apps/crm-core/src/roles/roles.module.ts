import { Module } from '@nestjs/common';
import { UsersModule } from '../users/users.module.js';
import { ChangeRole, ChangeRoleHandler, CreateRole, CreateRoleHandler } from './roles.handlers.js';

export const ROLE_COMMANDS = { CreateRole, ChangeRole };

@Module({ imports: [UsersModule], providers: [CreateRoleHandler, ChangeRoleHandler] })
export class RolesModule {}
