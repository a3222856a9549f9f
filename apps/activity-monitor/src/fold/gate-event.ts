import type { WatchEvent } from '#contracts';

/** What is folded of an event of the gate beside the rows that are copied in the database: read from the log, never from a message. */
export type GateEvent = Pick<
  WatchEvent,
  'id' | 'at' | 'userId' | 'isAdmin' | 'epoch' | 'measure' | 'limits' | 'refusedBy' | 'held'
>;
