import { Client } from 'pg';
import type { Secret } from '#kernel';
import { COUNTED_TABLE, RowWriter } from './row-writer.js';
import type { Columns } from '../log/row-change.js';
import { readRange, type StreamRange } from './stream-reader.js';
import { projectStreams, type LogKeys } from './stream-projector.js';
import type { FoldedStream } from './stream-fold.js';
import type { Shapes } from './table-shape.js';

/** What all streams together make: the row of the security settings, and how often rights were raised, by stream. */
export interface Counted {
  readonly security: Columns | null;
  readonly raises: ReadonlyArray<readonly [stream: string, count: number]>;
}

export interface RangeResult extends Counted {
  readonly events: number;
  readonly rows: number;
}

/** Projects ranges of the log, all under one snapshot, into the tables beside the live ones. */
export interface Lane {
  project(range: StreamRange): Promise<RangeResult>;
  close(): Promise<void>;
}

/**
 * A writer beside does not wait for the disk: the swap's commit waits for all that was written before it, and without a swap there is
 * nothing to keep.
 */
const NOT_WAITING = ' -c synchronous_commit=off';

/** A session for long work: the bounds of the role are for services. */
export async function openSession(databaseUrl: Secret<string>, applicationName: string, settings = ''): Promise<Client> {
  const client = new Client({
    ...{ connectionString: databaseUrl.expose(), application_name: applicationName, connectionTimeoutMillis: 5_000 },
    options: `-c statement_timeout=0 -c transaction_timeout=0 -c idle_in_transaction_session_timeout=600s -c lock_timeout=10s${settings}`,
  });
  // A connection that breaks is reported by the query that needs it.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** A lane in this thread: one session reads events under the snapshot, one the keys, another writes. */
export async function openLane(databaseUrl: Secret<string>, keys: LogKeys, shapes: Shapes, snapshot: string): Promise<Lane> {
  const reader = await openReader(databaseUrl, 'rebuild-reader', snapshot);
  const keyReader = await openReader(databaseUrl, 'rebuild-key-reader', snapshot);
  const writer = await openSession(databaseUrl, 'rebuild-writer', NOT_WAITING);
  const readers = { events: reader, keys: keyReader };
  return {
    project: (range) => projectRange(readers, new RowWriter(writer, shapes, ({ beside }) => beside), keys, range),
    close: async () => {
      await reader.end();
      await keyReader.end();
      await writer.end();
    },
  };
}

/** The snapshot as a session of its own sees it. */
async function openReader(databaseUrl: Secret<string>, applicationName: string, snapshot: string): Promise<Client> {
  const reader = await openSession(databaseUrl, applicationName);
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await reader.query(`SET TRANSACTION SNAPSHOT ${reader.escapeLiteral(snapshot)}`);
  return reader;
}

interface Readers {
  readonly events: Client;
  readonly keys: Client;
}

async function projectRange(readers: Readers, rows: RowWriter, keys: LogKeys, range: StreamRange): Promise<RangeResult> {
  let events = 0;
  let security: Columns | null = null;
  const raises: Array<readonly [string, number]> = [];
  const batches = readRange(readers.events, range);
  let next = batches.next();
  for (;;) {
    const { done, value: streams } = await next;
    if (done === true) break;
    const projecting = projectStreams(readers.keys, keys, streams);
    // Beside the query for the keys: the next ones are cut from what has come. What comes of it is seen in the next turn.
    next = batches.next();
    next.catch(() => undefined);
    for (const stream of await projecting) {
      rows.addStream(stream);
      security = securityOf(stream) ?? security;
      if (stream.raises > 0) raises.push([stream.stream, stream.raises]);
    }
    events += streams.reduce((sum, stream) => sum + stream.length, 0);
    await rows.writeFull();
  }
  await rows.writeAll();
  return { events, rows: rows.rows, security, raises };
}

/** The row of the security settings, when this stream makes it. */
export function securityOf({ rows }: FoldedStream): Columns | null {
  return [...(rows.get(COUNTED_TABLE)?.values() ?? [])][0] ?? null;
}
