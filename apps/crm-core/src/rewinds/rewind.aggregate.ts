import type { Aggregate } from '../log/aggregate.js';
import { rewindDecider, type RewindAggregateState, type RewindCommand } from './domain/rewind.decider.js';
import { REWIND_EVENT_VERSIONS, type RewindEvent } from './domain/rewind.events.js';

/** It is in the log so that the audit shows who undid what; how far it is stands in `es.rewinds`. */
export const rewindAggregate: Aggregate<RewindAggregateState, RewindCommand, RewindEvent> = {
  ...rewindDecider,
  category: 'rewind',
  sealed: false,
  eventVersions: REWIND_EVENT_VERSIONS,
  // Nobody counted them: its alarm is not raised years later.
  upcasters: { RewindStarted: { 1: (data) => ({ ...data, hides: 0 }) } },
  project: () => [],
};
