import type { Aggregate } from '../log/aggregate.js';
import { CALL_EVENT_VERSIONS, callDecider, type CallCommand, type CallEvent, type CallState } from './domain/call.decider.js';
import { projectCall } from './read-model/call.projection.js';

/** Not sealed: ids alone. A stream of its own, so that a call leaves the record's version as it is. */
export const callAggregate: Aggregate<CallState, CallCommand, CallEvent> = {
  ...callDecider,
  category: 'call',
  sealed: false,
  eventVersions: CALL_EVENT_VERSIONS,
  project: projectCall,
};
