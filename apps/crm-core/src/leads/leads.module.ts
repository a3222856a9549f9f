import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { CORE_POOL, SERVICE_KEYS } from '../log/log.module.js';
import { CrmLog } from '../log/crm-log.js';
import type { ServiceKeys } from '../log/service-keys.js';
import { RecordReferences } from '../records/record-references.js';
import { LeadIntake } from './lead-intake.js';
import { LeadPlanner } from './lead-planner.js';
import { LeadTerms } from './lead-terms.js';
import { AcceptLead, AcceptLeadHandler, DeclineLead, DeclineLeadHandler, RetryLead, RetryLeadHandler } from './leads.handlers.js';
import { WaitingLeads } from './waiting-leads.js';

export const LEAD_COMMANDS = { AcceptLead, DeclineLead, RetryLead };

@Module({
  providers: [
    {
      provide: LeadTerms,
      inject: [CORE_POOL, RecordReferences],
      useFactory: (pool: Pool, references: RecordReferences) => new LeadTerms(pool, references),
    },
    {
      provide: LeadPlanner,
      inject: [CrmLog, CORE_POOL, LeadTerms],
      useFactory: (log: CrmLog, pool: Pool, terms: LeadTerms) => new LeadPlanner(log, pool, terms),
    },
    {
      provide: LeadIntake,
      inject: [CrmLog, CORE_POOL, SERVICE_KEYS, LeadTerms, LeadPlanner],
      useFactory: (log: CrmLog, pool: Pool, keys: ServiceKeys, terms: LeadTerms, planner: LeadPlanner) =>
        new LeadIntake(log, pool, keys.receiver, terms, planner),
    },
    {
      provide: WaitingLeads,
      inject: [CrmLog, CORE_POOL, SERVICE_KEYS],
      useFactory: (log: CrmLog, pool: Pool, keys: ServiceKeys) => new WaitingLeads(log, pool, keys.receiver),
    },
    AcceptLeadHandler,
    DeclineLeadHandler,
    RetryLeadHandler,
  ],
  exports: [LeadIntake, WaitingLeads],
})
export class LeadsModule {}
