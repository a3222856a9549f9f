import type { FourLevelActionOf, Level, Subject } from './grants.js';
import type { Principal } from './principal.js';
import { reachAt, type OwnedRecord } from './reach.js';

/** The records an action reaches, as a value a query can be built from. `userIds` is sorted, so one filter is one SQL text. */
export type RecordFilter =
  | { readonly kind: 'everything' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'responsible'; readonly userIds: readonly string[] };

/** A principal never changes: what he reaches at a level is sorted once, however large his group is. */
const KNOWN = new WeakMap<Principal, Map<Level, RecordFilter>>();

/** The filter of lists, cards, streams and exports; agrees with `decide` on every record. */
export function filterFor<S extends Subject>(principal: Principal, subject: S, action: FourLevelActionOf<S>): RecordFilter {
  const level = principal.rights.level(subject, action);
  let filters = KNOWN.get(principal);
  if (filters === undefined) KNOWN.set(principal, (filters = new Map()));
  let filter = filters.get(level);
  if (filter === undefined) filters.set(level, (filter = filterAt(level, principal)));
  return filter;
}

function filterAt(level: Level, principal: Principal): RecordFilter {
  const reach = reachAt(level, principal);
  return reach.kind === 'responsible' ? { kind: 'responsible', userIds: [...reach.userIds].sort() } : reach;
}

/**
 * The filter in memory, and the meaning of its SQL: an empty list of people matches nothing, and a record without a
 * responsible person is matched by `everything` only.
 */
export function matches(filter: RecordFilter, record: OwnedRecord): boolean {
  switch (filter.kind) {
    case 'everything':
      return true;
    case 'nothing':
      return false;
    case 'responsible':
      return record.responsibleId !== null && filter.userIds.includes(record.responsibleId);
  }
}
