import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { CORE_POOL } from '../log/log.module.js';
import { AccountRules } from './account-rules.js';
import {
  ActivateUser,
  ActivateUserHandler,
  ChangeUser,
  ChangeUserHandler,
  CreateFirstAdministrator,
  CreateFirstAdministratorHandler,
  CreateUser,
  CreateUserHandler,
  DeactivateUser,
  DeactivateUserHandler,
  InviteUser,
  InviteUserHandler,
  ReactivateUser,
  ReactivateUserHandler,
} from './users.handlers.js';

export const USER_COMMANDS = {
  CreateFirstAdministrator,
  CreateUser,
  InviteUser,
  ActivateUser,
  ChangeUser,
  DeactivateUser,
  ReactivateUser,
};

@Module({
  providers: [
    { provide: AccountRules, inject: [CORE_POOL], useFactory: (pool: Pool) => new AccountRules(pool) },
    CreateFirstAdministratorHandler,
    CreateUserHandler,
    InviteUserHandler,
    ActivateUserHandler,
    ChangeUserHandler,
    DeactivateUserHandler,
    ReactivateUserHandler,
  ],
  exports: [AccountRules],
})
export class UsersModule {}
