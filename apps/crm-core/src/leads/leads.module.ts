import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { CORE_POOL, SERVICE_KEYS } from '../log/log.module.js';
import { CrmLog } from '../log/crm-log.js';
import type { ServiceKeys } from '../log/service-keys.js';
import { RecordReferences } from '../records/record-references.js';
import { LeadIntake } from './lead-intake.js';

@Module({
  providers: [
    {
      provide: LeadIntake,
      inject: [CrmLog, CORE_POOL, SERVICE_KEYS, RecordReferences],
      useFactory: (log: CrmLog, pool: Pool, keys: ServiceKeys, references: RecordReferences) =>
        new LeadIntake(log, pool, keys.receiver, references),
    },
  ],
  exports: [LeadIntake],
})
export class LeadsModule {}
