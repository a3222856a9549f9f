import type { Aggregate } from '../log/aggregate.js';
import {
  INCOMING_CALL_EVENT_VERSIONS,
  incomingCallDecider,
  type IncomingCallCommand,
  type IncomingCallEvent,
  type IncomingCallState,
} from './domain/incoming-call.decider.js';

/** Not sealed: ids alone. It has no read model but its lines of the audit trail. */
export const incomingCallAggregate: Aggregate<IncomingCallState, IncomingCallCommand, IncomingCallEvent> = {
  ...incomingCallDecider,
  category: 'incoming-call',
  sealed: false,
  eventVersions: INCOMING_CALL_EVENT_VERSIONS,
  project: () => [],
};
