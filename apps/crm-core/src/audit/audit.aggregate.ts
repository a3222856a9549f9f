import type { Aggregate } from '../log/aggregate.js';
import {
  AUDIT_EVENT_VERSIONS,
  auditDecider,
  type AuditCommand,
  type AuditEvent,
  type AuditState,
} from './domain/audit.decider.js';

/** Not sealed: entries hold nothing of a customer. Its row of `read.audit` is made with those of all events (`audit-rows.ts`). */
export const auditAggregate: Aggregate<AuditState, AuditCommand, AuditEvent> = {
  ...auditDecider,
  category: 'audit',
  sealed: false,
  eventVersions: AUDIT_EVENT_VERSIONS,
  project: () => [],
};
