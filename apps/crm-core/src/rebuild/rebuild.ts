import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Secret } from '#kernel';
import { FIRST_ROWS } from '../log/row-origin.js';
import type { Columns } from '../log/row-change.js';
import { createBeside, dropBeside, finishBeside } from './beside-tables.js';
import { openSession, securityOf, type Counted, type Lane } from './range-projection.js';
import { RebuildRefused } from './rebuild-refused.js';
import { COUNTED_TABLE } from './row-writer.js';
import { replaceRows } from './stream-rows.js';
import { cutLog, readStreams, type StreamRange } from './stream-reader.js';
import { projectStreams, type LogKeys } from './stream-projector.js';
import { LockOrder, swapIn } from './swap.js';
import { readShapes, type Shapes } from './table-shape.js';

/** Any constant: held by a rebuild or a verification, of which there is one at a time. */
const REBUILD_LOCK = 7_310_601;
/** Ranges for each lane: small enough that all lanes end together. */
const RANGES_A_LANE = 24;
/** Streams that are projected anew in one transaction. */
const CHUNK = 200;
/** With so few streams left to catch up the swap begins: they are projected while writers wait. */
const FEW = 100;
const CATCH_UPS_MAX = 20;
/** Tries of the swap; each waits at most the lock timeout, and readers and writers go on between them. */
const SWAPS_MAX = 200;
const SWAP_PAUSE_MS = 250;

export interface RebuildOptions {
  readonly databaseUrl: Secret<string>;
  readonly keys: LogKeys;
  /** Opens one lane on an exported snapshot. */
  readonly openLane: (shapes: Shapes, snapshot: string) => Promise<Lane>;
  readonly lanes: number;
  readonly report: (line: string) => void;
}

export interface Rebuilt {
  readonly events: number;
  readonly rows: number;
  /** Seconds from the snapshot to the last row beside; then indexes and statistics; then catching up and the swap. */
  readonly projectedIn: number;
  readonly indexedIn: number;
  readonly swappedIn: number;
}

/** What was built beside the live tables, of one snapshot. */
export interface Built {
  readonly events: number;
  readonly rows: number;
  /** Transactions from this one on are not in it. Decimal text of an xid8. */
  readonly horizon: string;
  readonly counted: CountedTotals;
}

/** The counted row over all streams; a stream that is projected again counts anew. */
export class CountedTotals {
  readonly #raises = new Map<string, number>();
  #security: Columns = FIRST_ROWS[COUNTED_TABLE] ?? {};

  add({ security, raises }: Counted): void {
    this.#security = security ?? this.#security;
    for (const [stream, count] of raises) this.#raises.set(stream, count);
  }

  get row(): Columns {
    const first = Number(FIRST_ROWS[COUNTED_TABLE]?.['authz_version']);
    return { ...this.#security, authz_version: [...this.#raises.values()].reduce((sum, count) => sum + count, first) };
  }
}

/**
 * Makes every read model anew from the log, beside the live ones, and swaps them in. Readers and writers go on; nothing is lost.
 * Throws `RebuildRefused`, and a plain Error or the database's when it fails: the live tables are then as they were.
 */
export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  return alone(options, async (client) => {
    const shapes = await readShapes(client);
    const start = performance.now();
    const built = await withSnapshot(client, (snapshot, horizon) => build(client, shapes, snapshot, horizon, options));
    const projected = performance.now();
    options.report(`${built.events} events came to ${built.rows} rows`);
    const second = await openSession(options.databaseUrl, 'rebuild-finisher');
    await finishBeside([client, second], shapes).finally(() => second.end());
    const indexed = performance.now();
    await catchUpAndSwap(client, shapes, built, options);
    const seconds = (from: number, to: number): number => (to - from) / 1000;
    return {
      ...{ events: built.events, rows: built.rows, projectedIn: seconds(start, projected) },
      ...{ indexedIn: seconds(projected, indexed), swappedIn: seconds(indexed, performance.now()) },
    };
  });
}

/** Runs work that owns the schema of the rebuild, and leaves it empty. Throws `RebuildRefused` when another does. */
export async function alone<T>(
  { databaseUrl }: Pick<RebuildOptions, 'databaseUrl'>,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await openSession(databaseUrl, 'rebuild');
  try {
    const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [REBUILD_LOCK]);
    if (rows[0]?.locked !== true) throw new RebuildRefused('a rebuild is running already; wait for its end and try again');
    await dropBeside(client);
    try {
      return await work(client);
    } finally {
      await client.query('ROLLBACK').catch(() => undefined);
      await dropBeside(client).catch(() => undefined);
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Opens a snapshot that lanes share, on a session of its own or this one; it ends with the work. */
export async function withSnapshot<T>(client: Client, work: (snapshot: string, horizon: string) => Promise<T>): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const { rows } = await client.query<{ snapshot: string; horizon: string }>(
    'SELECT pg_export_snapshot() AS snapshot, pg_snapshot_xmin(pg_current_snapshot())::text AS horizon',
  );
  const done = await work(rows[0]?.snapshot ?? '', rows[0]?.horizon ?? '');
  await client.query('COMMIT');
  return done;
}

/** Projects the whole log, as the snapshot shows it, into fresh tables. */
export async function build(
  client: Client,
  shapes: Shapes,
  snapshot: string,
  horizon: string,
  { databaseUrl, openLane, lanes }: RebuildOptions,
): Promise<Built> {
  const maker = await openSession(databaseUrl, 'rebuild-maker');
  await createBeside(maker, shapes).finally(() => maker.end());
  // While the lanes open their sessions. Whatever fails, what did open is closed below: an open lane would keep the process alive.
  const cutting = cutLog(client, lanes === 1 ? 1 : lanes * RANGES_A_LANE);
  cutting.catch(() => undefined);
  const ranges: StreamRange[] = [];
  const counted = new CountedTotals();
  let [events, rows] = [0, 0];
  const opening = await Promise.allSettled(Array.from({ length: lanes }, () => openLane(shapes, snapshot)));
  const opened = opening.flatMap((lane) => (lane.status === 'fulfilled' ? [lane.value] : []));
  try {
    for (const lane of opening) if (lane.status === 'rejected') throw lane.reason;
    ranges.push(...(await cutting));
    await Promise.all(
      opened.map(async (lane) => {
        for (let range = ranges.shift(); range !== undefined; range = ranges.shift()) {
          const result = await lane.project(range);
          counted.add(result);
          events += result.events;
          rows += result.rows;
        }
      }),
    );
  } finally {
    ranges.length = 0;
    await Promise.all(opened.map((lane) => lane.close().catch(() => undefined)));
  }
  return { events, rows: rows + 1, horizon, counted };
}

async function catchUpAndSwap(client: Client, shapes: Shapes, built: Built, options: RebuildOptions): Promise<void> {
  let { horizon } = built;
  const project = (streams: readonly string[]) => projectAgain(client, shapes, streams, built.counted, options.keys);
  const catchUp = async (): Promise<number> => {
    // Everything up to the new horizon is committed and seen by what follows; what is in doubt is done again.
    const next = await horizonNow(client);
    const streams = await streamsSince(client, horizon);
    for (let at = 0; at < streams.length; at += CHUNK) {
      await client.query('BEGIN');
      await project(streams.slice(at, at + CHUNK));
      await client.query('COMMIT');
    }
    horizon = next;
    return streams.length;
  };
  for (let round = 0; round < CATCH_UPS_MAX; round += 1) if ((await catchUp()) <= FEW) break;
  const order = new LockOrder(shapes);
  for (let attempt = 1; ; attempt += 1) {
    const swapped = await swapIn(client, shapes, order, async () => {
      await project(await streamsSince(client, horizon));
      return built.counted.row;
    });
    if (swapped) return options.report(`swapped in, attempt ${attempt}`);
    if (attempt === SWAPS_MAX)
      throw new RebuildRefused('the tables were never free for the swap; end what holds them and try again');
    await sleep(SWAP_PAUSE_MS);
    // What was written meanwhile must not be left to the next try, in which writers wait.
    await catchUp();
  }
}

async function horizonNow(client: Client): Promise<string> {
  const { rows } = await client.query<{ horizon: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon');
  return rows[0]?.horizon ?? '';
}

async function streamsSince(client: Client, horizon: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ stream: string }>(
    'SELECT DISTINCT stream FROM es.events WHERE tx_id >= $1::text::xid8 ORDER BY stream',
    [horizon],
  );
  return rows.map(({ stream }) => stream);
}

async function projectAgain(
  client: Client,
  shapes: Shapes,
  streams: readonly string[],
  counted: CountedTotals,
  keys: LogKeys,
): Promise<void> {
  if (streams.length === 0) return;
  const folded = [...(await projectStreams(client, keys, await readStreams(client, streams)))];
  await replaceRows(client, shapes, ({ beside }) => beside, folded);
  for (const stream of folded) {
    counted.add({ security: securityOf(stream), raises: stream.raises === 0 ? [] : [[stream.stream, stream.raises]] });
  }
}
