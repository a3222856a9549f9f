import { auditAggregate } from './audit/audit.aggregate.js';
import { callAggregate } from './calls/call.aggregate.js';
import { incomingCallAggregate } from './calls/incoming-call.aggregate.js';
import { companyAggregate } from './companies/company.aggregate.js';
import { contactAggregate } from './contacts/contact.aggregate.js';
import { customFieldAggregate } from './custom-fields/custom-field.aggregate.js';
import { dealAggregate } from './deals/deal.aggregate.js';
import { departmentAggregate } from './departments/department.aggregate.js';
import { formAggregate, formSecretAggregate } from './forms/form.aggregate.js';
import { leadAggregate } from './leads/lead.aggregate.js';
import type { AnyAggregate } from './log/aggregate.js';
import { lookupAggregate } from './lookups/lookup.aggregate.js';
import { pipelineAggregate } from './pipelines/pipeline.aggregate.js';
import { revealAggregate } from './reveals/reveal.aggregate.js';
import { rewindAggregate } from './rewinds/rewind.aggregate.js';
import { roleAggregate } from './roles/role.aggregate.js';
import { securitySettingsAggregate } from './security-settings/security-settings.aggregate.js';
import { userAggregate } from './users/user.aggregate.js';

const ALL: readonly unknown[] = [
  contactAggregate,
  companyAggregate,
  dealAggregate,
  leadAggregate,
  pipelineAggregate,
  customFieldAggregate,
  formAggregate,
  formSecretAggregate,
  userAggregate,
  departmentAggregate,
  roleAggregate,
  securitySettingsAggregate,
  rewindAggregate,
  auditAggregate,
  revealAggregate,
  lookupAggregate,
  callAggregate,
  incomingCallAggregate,
];

/** Every kind of stream of the log, by the first part of its name: what reads the whole log goes by this. */
export const AGGREGATES: ReadonlyMap<string, AnyAggregate> = new Map(
  (ALL as readonly AnyAggregate[]).map((aggregate) => [aggregate.category, aggregate]),
);
