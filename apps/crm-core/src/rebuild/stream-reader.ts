import type { ClientBase } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { ProjectedMetadata } from '../log/aggregate.js';
import type { CodedEvent } from '../log/event-codec.js';
import { copyFields } from './copy-text.js';

/** An event with as much of its metadata as projections may know. */
export type LoggedEvent = CodedEvent<ProjectedMetadata>;
/** All events of one stream, oldest first. */
export type WholeStream = readonly [LoggedEvent, ...LoggedEvent[]];
/** A stream of which more may come. */
type OpenStream = [LoggedEvent, ...LoggedEvent[]];

/** A part of the log: streams by name, `from` included, `to` not; null has no bound. */
export interface StreamRange {
  readonly from: string | null;
  readonly to: string | null;
}

/** Events of one batch at least, and of two what a lane has in memory: with a thousand the garbage collector copies four times as much. */
const BATCH = 200;
/** Streams of a sample that bounds are taken from, for each range. */
const SAMPLED_PER_RANGE = 60;
/** `->>` of the metadata and no more of it: as text it is as long as the rest of an event. */
const COLUMNS = `id, stream, version, type, schema_version, data, metadata->>'at', metadata->>'actorId', metadata->>'ip'`;
const LINE_END = 0x0a;

/**
 * Whole streams in the order of their names, in batches, by a COPY in the order of the index (stream, version): the log is never in
 * memory, and the server reads on only as far as the connection holds. Runs in the client's transaction, which must be open, and has
 * the client for itself until the end. A batch that is not asked for any more leaves it unusable.
 */
export async function* readRange(client: ClientBase, { from, to }: StreamRange): AsyncGenerator<readonly WholeStream[]> {
  const bounds = [
    ...(from === null ? [] : [`stream >= ${client.escapeLiteral(from)}`]),
    ...(to === null ? [] : [`stream < ${client.escapeLiteral(to)}`]),
  ];
  const where = bounds.length === 0 ? '' : `WHERE ${bounds.join(' AND ')}`;
  // A sort of the whole log would come first, on disk; the index has the order already.
  await client.query('SET LOCAL enable_sort = off; SET LOCAL max_parallel_workers_per_gather = 0');
  const copy = client.query(copyTo(`COPY (SELECT ${COLUMNS} FROM es.events ${where} ORDER BY stream, version) TO STDOUT`));
  let open: OpenStream | undefined;
  let streams: WholeStream[] = [];
  let events = 0;
  for await (const lines of linesOf(copy)) {
    for (const line of lines) {
      const event = toEvent(copyFields(line));
      if (open !== undefined && open[0].stream === event.stream) {
        open.push(event);
        continue;
      }
      if (open !== undefined) {
        streams.push(open);
        events += open.length;
      }
      open = [event];
    }
    if (events < BATCH) continue;
    yield streams;
    [streams, events] = [[], 0];
  }
  if (open !== undefined) streams.push(open);
  if (streams.length > 0) yield streams;
}

/** The lines that end in each piece. A line's end is never a part of another character, so no character is cut. */
async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<readonly string[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    const whole = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const end = whole.lastIndexOf(LINE_END);
    rest = whole.subarray(end + 1);
    if (end >= 0) yield whole.toString('utf8', 0, end).split('\n');
  }
}

/** The streams named, whole; those without events are left out. */
export async function readStreams(client: ClientBase, names: readonly string[]): Promise<readonly WholeStream[]> {
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT ${COLUMNS} FROM es.events WHERE stream = ANY($1::text[]) ORDER BY stream, version`,
    values: [names],
    rowMode: 'array',
    types: AS_TEXT,
  });
  const streams = new Map<string, OpenStream>();
  for (const row of rows) {
    const event = toEvent(row);
    const known = streams.get(event.stream);
    if (known === undefined) streams.set(event.stream, [event]);
    else known.push(event);
  }
  return [...streams.values()];
}

/** Values as the server writes them. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

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

function toEvent(fields: readonly (string | null)[]): LoggedEvent {
  const [id, stream, version, type, schemaVersion, data, at, actorId = null, ip = null] = fields;
  // One literal: a million of them are made.
  return {
    id: id as string,
    stream: stream as string,
    version: Number(version),
    type: type as string,
    schemaVersion: Number(schemaVersion),
    data: JSON.parse(data as string) as unknown,
    metadata: { at: at as string, actorId, ip },
  };
}
