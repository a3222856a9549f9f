import { Module } from '@nestjs/common';
import { ChangeRole, ChangeRoleHandler, CreateRole, CreateRoleHandler, DeleteRole, DeleteRoleHandler } from './roles.handlers.js';

export const ROLE_COMMANDS = { CreateRole, ChangeRole, DeleteRole };

@Module({ providers: [CreateRoleHandler, ChangeRoleHandler, DeleteRoleHandler] })
export class RolesModule {}
