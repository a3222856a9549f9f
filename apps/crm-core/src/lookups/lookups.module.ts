import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { CrmLog } from '../log/crm-log.js';
import { CORE_POOL, LogModule } from '../log/log.module.js';
import { LookUpPhone, LookUpPhoneHandler } from './lookups.handlers.js';
import { NumberOwners } from './number-owners.js';

/** The commands of this feature by the names they have on the wire. */
export const LOOKUP_COMMANDS = { LookUpPhone };

@Module({
  imports: [LogModule],
  providers: [
    LookUpPhoneHandler,
    { provide: NumberOwners, inject: [CORE_POOL, CrmLog], useFactory: (pool: Pool, log: CrmLog) => new NumberOwners(pool, log) },
  ],
  exports: [NumberOwners],
})
export class LookupsModule {}
