import { auditRowsOf } from '../audit/audit-rows.js';
import type { AnyAggregate, ProjectionTools, RecordedEvent } from './aggregate.js';
import type { RowChange } from './row-change.js';

/**
 * All that an event changes in the read models, its line of the audit trail included. The append and a rebuild both come through
 * here, so they cannot differ.
 */
export function projectionOf(aggregate: AnyAggregate, recorded: RecordedEvent, tools: ProjectionTools): readonly RowChange[] {
  return [...aggregate.project(recorded, tools), ...auditRowsOf(recorded)];
}
