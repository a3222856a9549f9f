import type { Aggregate } from '../log/aggregate.js';
import {
  LOOKUP_EVENT_VERSIONS,
  lookupDecider,
  type LookupCommand,
  type LookupEvent,
  type LookupState,
} from './domain/lookup.decider.js';

/** Not sealed: ids alone. It has no read model but its line of the audit trail. */
export const lookupAggregate: Aggregate<LookupState, LookupCommand, LookupEvent> = {
  ...lookupDecider,
  category: 'lookup',
  sealed: false,
  eventVersions: LOOKUP_EVENT_VERSIONS,
  project: () => [],
};
