import type { ClientBase } from 'pg';
import type { CodedEvent } from '../log/event-codec.js';
import type { WholeStream } from './stream-projector.js';

/** A part of the log: streams by name, `from` included, `to` not; null has no bound. */
export interface StreamRange {
  readonly from: string | null;
  readonly to: string | null;
}

/** Events of one fetch, and of two what a lane has in memory: with a thousand the garbage collector copies four times as much. */
const FETCH = 200;
/** Streams of a sample that bounds are taken from, for each range. */
const SAMPLED_PER_RANGE = 200;
const COLUMNS = 'id, stream, version, type, schema_version, data, metadata';
type EventRow = [string, string, number, string, number, unknown, CodedEvent['metadata']];

/**
 * Whole streams in the order of their names, in batches, through a cursor on the index (stream, version): the log is never in
 * memory. Runs in the client's transaction, which must be open.
 */
export async function* readRange(client: ClientBase, { from, to }: StreamRange): AsyncGenerator<readonly WholeStream[]> {
  const bounds = [
    ...(from === null ? [] : [`stream >= ${client.escapeLiteral(from)}`]),
    ...(to === null ? [] : [`stream < ${client.escapeLiteral(to)}`]),
  ];
  const where = bounds.length === 0 ? '' : `WHERE ${bounds.join(' AND ')}`;
  // A sort of the whole log would come first, on disk; the index has the order already.
  await client.query('SET LOCAL enable_sort = off');
  await client.query(
    `DECLARE rebuild_range NO SCROLL CURSOR FOR SELECT ${COLUMNS} FROM es.events ${where} ORDER BY stream, version`,
  );
  const fetch = () => client.query<EventRow>({ text: `FETCH ${FETCH} FROM rebuild_range`, rowMode: 'array' });
  let open: CodedEvent[] = [];
  for (;;) {
    const { rows } = await fetch();
    const streams: WholeStream[] = [];
    for (const row of rows) {
      const event = toEvent(row);
      if (open[0] !== undefined && open[0].stream !== event.stream) {
        streams.push(open as unknown as WholeStream);
        open = [];
      }
      open.push(event);
    }
    if (rows.length < FETCH && open.length > 0) streams.push(open as unknown as WholeStream);
    if (streams.length > 0) yield streams;
    if (rows.length < FETCH) break;
  }
  await client.query('CLOSE rebuild_range');
}

/** The streams named, whole; those without events are left out. */
export async function readStreams(client: ClientBase, names: readonly string[]): Promise<readonly WholeStream[]> {
  const { rows } = await client.query<EventRow>({
    text: `SELECT ${COLUMNS} FROM es.events WHERE stream = ANY($1::text[]) ORDER BY stream, version`,
    values: [names],
    rowMode: 'array',
  });
  const streams = new Map<string, CodedEvent[]>();
  for (const row of rows) {
    const event = toEvent(row);
    const known = streams.get(event.stream);
    if (known === undefined) streams.set(event.stream, [event]);
    else known.push(event);
  }
  return [...streams.values()] as unknown as readonly WholeStream[];
}

/** The log cut into about `count` ranges of like size, by a sample of its pages. */
export async function cutLog(client: ClientBase, count: number): Promise<readonly StreamRange[]> {
  const { rows: sizes } = await client.query<{ pages: number }>(
    `SELECT (pg_relation_size('es.events') / current_setting('block_size')::bigint)::int AS pages`,
  );
  const percent = Math.min(100, Math.max(0.01, ((count * SAMPLED_PER_RANGE) / Math.max(1, sizes[0]?.pages ?? 1)) * 100));
  const { rows } = await client.query<{ stream: string }>(
    `SELECT stream FROM es.events TABLESAMPLE SYSTEM (${percent.toFixed(4)}) ORDER BY stream`,
  );
  const bounds = Array.from({ length: count - 1 }, (_, index) => rows[Math.floor(((index + 1) * rows.length) / count)]?.stream);
  const distinct = [...new Set(bounds.filter((bound) => bound !== undefined))];
  return [...distinct, null].map((to, index) => ({ from: distinct[index - 1] ?? null, to }));
}

function toEvent([id, stream, version, type, schemaVersion, data, metadata]: EventRow): CodedEvent {
  return { id, stream, version, type, schemaVersion, data, metadata };
}
