export {
  ANY_VERSION,
  NO_STREAM,
  exactly,
  type CommandRecord,
  type EventMetadata,
  type ExpectedVersion,
  type NewEvent,
  type Statement,
  type StoredEvent,
  type StreamAppend,
} from './events.js';
export { CommandRepeated, EventStore, LOG_START, VersionConflict, type AppendRequest, type Position } from './event-store.js';
export { Subscription, type SubscriptionOptions } from './subscription.js';
export { createEventStore } from './schema.js';
export { createAppendEach, createAppendOne } from './append-function.js';
