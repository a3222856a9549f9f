import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { CORE_POOL } from '../log/log.module.js';
import { AccountRules } from './account-rules.js';
import {
  ChangeUser,
  ChangeUserHandler,
  CreateFirstAdministrator,
  CreateFirstAdministratorHandler,
  CreateUser,
  CreateUserHandler,
  DeactivateUser,
  DeactivateUserHandler,
  ReactivateUser,
  ReactivateUserHandler,
} from './users.handlers.js';

export const USER_COMMANDS = { CreateFirstAdministrator, CreateUser, ChangeUser, DeactivateUser, ReactivateUser };

@Module({
  providers: [
    { provide: AccountRules, inject: [CORE_POOL], useFactory: (pool: Pool) => new AccountRules(pool) },
    CreateFirstAdministratorHandler,
    CreateUserHandler,
    ChangeUserHandler,
    DeactivateUserHandler,
    ReactivateUserHandler,
  ],
  exports: [AccountRules],
})
export class UsersModule {}
