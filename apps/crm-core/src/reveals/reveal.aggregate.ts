import type { Aggregate } from '../log/aggregate.js';
import {
  REVEAL_EVENT_VERSIONS,
  revealDecider,
  type RevealCommand,
  type RevealEvent,
  type RevealState,
} from './domain/reveal.decider.js';

/** Not sealed: ids and a masked reason. It has no read model but its line of the audit trail. */
export const revealAggregate: Aggregate<RevealState, RevealCommand, RevealEvent> = {
  ...revealDecider,
  category: 'reveal',
  sealed: false,
  eventVersions: REVEAL_EVENT_VERSIONS,
  project: () => [],
};
