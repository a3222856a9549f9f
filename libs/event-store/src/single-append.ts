import { expectedNumber, type AppendRequest, type NewEvent, type Statement } from './events.js';

/** One event for one stream, with nothing else in its transaction. */
export interface SingleAppend {
  readonly locks: readonly [stream: string];
  /** Null: any version. */
  readonly expected: number | null;
  readonly event: NewEvent;
  /** JSON of the event's data and metadata. */
  readonly data: string;
  readonly metadata: string;
  readonly size: number;
}

/** The short way, for what takes it: one event, one stream, nothing else in the transaction and nothing else to lock. */
export function singleOf({ streams, locks = [], command, statements = [] }: AppendRequest): SingleAppend | undefined {
  const [first, ...others] = streams;
  const [event, ...more] = first?.events ?? [];
  if (first === undefined || event === undefined || command !== undefined) return undefined;
  if (others.length + more.length + locks.length + statements.length > 0) return undefined;
  const [data, metadata] = [JSON.stringify(event.data), JSON.stringify(event.metadata)];
  const size = data.length + metadata.length;
  return { locks: [first.stream], expected: expectedNumber(first.expected), event, data, metadata, size };
}

/** The statement of one such append, in a transaction of its own: it waits for its stream. */
export function appendOne({ locks: [stream], expected, event, data, metadata }: SingleAppend): Statement {
  return {
    name: 'es-append-one',
    text: 'SELECT es.append_one($1, $2, $3, $4, $5, $6, $7)',
    values: [stream, expected, event.id, event.type, event.schemaVersion, data, metadata],
  };
}

/** The statement of several, none of which waits; `refused` are the ids of those that did not hold, or null (`es.append_each`). */
export function appendEach(appends: readonly SingleAppend[]): { name: string; text: string; values: unknown[] } {
  return {
    name: 'es-append-each',
    text: 'SELECT es.append_each($1, $2, $3, $4, $5, $6, $7) AS refused',
    values: [
      appends.map(({ locks: [stream] }) => stream),
      appends.map(({ expected }) => expected),
      appends.map(({ event }) => event.id),
      appends.map(({ event }) => event.type),
      appends.map(({ event }) => event.schemaVersion),
      appends.map(({ data }) => data),
      appends.map(({ metadata }) => metadata),
    ],
  };
}
