export {
  ANY_VERSION,
  NO_STREAM,
  exactly,
  type AppendRequest,
  type CommandRecord,
  type EventMetadata,
  type ExpectedVersion,
  type NewEvent,
  type RowsStatement,
  type Statement,
  type StoredEvent,
  type StreamAppend,
} from './events.js';
export { CommandRepeated, EventStore, LOG_START, VersionConflict, type Position } from './event-store.js';
export { Subscription, type SubscriptionOptions } from './subscription.js';
export { createEventStore } from './schema.js';
export { createAppendEach, createAppendOne, createAppendTogether } from './append-function.js';
