import { refuse } from '#kernel';
import type { Statement } from '#event-store';
import type { PointOwner } from '#contracts';
import { companyAggregate } from '../companies/company.aggregate.js';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import { streamOf, type Aggregate } from '../log/aggregate.js';
import type { DomainEvent } from '#kernel';
import type { CrmLog, History } from '../log/crm-log.js';
import type { ContactPoint } from '../records/domain/contact-point.js';
import type { RecordState } from '../records/domain/record.decider.js';

/** What contacts and companies have alike. */
export interface PointFields {
  readonly phones: readonly ContactPoint[];
  readonly emails: readonly ContactPoint[];
}
export type OwnerState = RecordState<PointFields>;
type OwnerAggregate = Aggregate<OwnerState, never, DomainEvent>;

/** The rules of the records that have contact points. */
export const POINT_OWNERS = { contact: contactAggregate, company: companyAggregate } as unknown as Readonly<
  Record<PointOwner, OwnerAggregate>
>;

/** The record as it is now, with all that happened to it. */
export function loadOwner(log: CrmLog, type: PointOwner, id: string): Promise<History<OwnerState, DomainEvent>> {
  return log.history(POINT_OWNERS[type], id);
}

/** The point of that kind, or `not-found`: a point of another kind is none. */
export function pointOf(fields: PointFields, kind: ContactPoint['kind'], pointId: string): ContactPoint {
  const point = (kind === 'phone' ? fields.phones : fields.emails).find(({ id }) => id === pointId);
  return point === undefined || point.value.isErased ? refuse('not-found') : point;
}

/** What an append holds on to that was decided on this version of the record: overtaken, it is a lost race and decided anew. */
export function holdingRecord(
  type: PointOwner,
  id: string,
  version: number,
): { readonly locks: readonly string[]; readonly guards: readonly Statement[] } {
  const guard = { name: 'require record at', text: 'SELECT read.require_record_at($1, $2, $3)', values: [type, id, version] };
  return { locks: [streamOf(POINT_OWNERS[type], id)], guards: [guard] };
}
