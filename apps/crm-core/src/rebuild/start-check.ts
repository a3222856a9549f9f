import type { Client } from 'pg';
import type { Secret } from '#kernel';
import { AGGREGATES } from '../aggregates.js';
import { streamParts } from '../log/aggregate.js';
import { FIRST_ROWS, POINTS_TABLE, RAISING_CATEGORIES, ROW_ORIGINS, type RowOrigin } from '../log/row-origin.js';
import { READ_TABLES, type Columns, type ReadTable } from '../log/row-change.js';
import { openSession, securityOf } from './range-projection.js';
import { COUNTED_TABLE } from './row-writer.js';
import { replaceRows } from './stream-rows.js';
import { readStreams, type WholeStream } from './stream-reader.js';
import { projectStreams, type LogKeys } from './stream-projector.js';
import { readShapes, type Shapes } from './table-shape.js';

/** Streams that are put right in one transaction, under their locks. */
const CHUNK = 200;
/** Events before the newest row made by an event that are looked at too: those committed out of the order of their numbers. */
const MARGIN = 1_000;

export interface StartCheckOptions {
  readonly databaseUrl: Secret<string>;
  readonly keys: LogKeys;
  /** Where rows come from; given in specs only. */
  readonly origins?: Readonly<Partial<Record<ReadTable, RowOrigin>>>;
}

/** What a check put right. All zero: the read models reflect the log. */
export interface StartCheck {
  /** Streams whose rows were made anew. */
  readonly streams: number;
  /** Keys that had been destroyed and were back. */
  readonly keys: number;
  /** Seconds. */
  readonly took: number;
}

/**
 * Holds the rows of the read models against the log, and projects anew what is behind it, ahead of it, missing, or of somebody who
 * was erased: after a restore of an older read model or vault. Keys that erasing events destroyed are destroyed again. Each stream
 * is put right under the lock that its appends take, so it is safe beside other cores. It trusts versions: a row with the version
 * of its stream and another content is found by `npm run rebuild -- --verify`.
 */
export async function checkReadModels(options: StartCheckOptions): Promise<StartCheck> {
  const start = performance.now();
  const client = await openSession(options.databaseUrl, 'start-check');
  try {
    const keys = await destroyErasedKeys(client);
    const shapes = await readShapes(client);
    const apart = await streamsApart(client, options.origins ?? ROW_ORIGINS);
    for (let at = 0; at < apart.length; at += CHUNK) {
      await inTransaction(client, () => putRight(client, shapes, options.keys, apart.slice(at, at + CHUNK)));
    }
    const counted = await countRaises(client, options.keys);
    return { streams: apart.length + counted, keys, took: (performance.now() - start) / 1000 };
  } finally {
    await client.end().catch(() => undefined);
  }
}

const erasingTypes = (): readonly string[] => [...AGGREGATES.values()].flatMap(({ erasedBy }) => erasedBy ?? []);

/** The n-th erasing event of a stream destroyed the key of generation n - 1 (`keyOwner`). */
async function destroyErasedKeys(client: Client): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM vault.keys WHERE owner IN (
       SELECT CASE WHEN generation = 0 THEN stream ELSE stream || '#' || generation END
       FROM (SELECT stream, row_number() OVER (PARTITION BY stream ORDER BY version) - 1 AS generation
             FROM es.events WHERE type LIKE '%Erased' AND type = ANY($1::text[])) AS erased)`,
    [erasingTypes()],
  );
  return rowCount ?? 0;
}

/**
 * Names of the streams whose rows do not reflect them. One pass over the index (stream, version) gives each stream's version, to
 * be held against rows; those without a row at all (erased, or never projected) come along and cost little.
 */
async function streamsApart(
  client: Client,
  origins: Readonly<Partial<Record<ReadTable, RowOrigin>>>,
): Promise<readonly string[]> {
  const tables = Object.entries(origins) as ReadonlyArray<[ReadTable, RowOrigin]>;
  const parts = tables.flatMap(([table, origin]) =>
    origin.kind === 'part' && table !== COUNTED_TABLE
      ? [`SELECT '${origin.category}-' || ${READ_TABLES[table]} AS stream, version FROM ${table}`]
      : [],
  );
  const heads = [...Map.groupBy(tables, ([, origin]) => (origin.kind === 'head' ? origin.category : '')).keys()].filter(Boolean);
  const events = tables.flatMap(([table, origin]) => (origin.kind === 'event' ? [[table, origin.types] as const] : []));
  const erased = `(SELECT stream, max(version) AS version FROM es.events
                   WHERE type LIKE '%Erased' AND type = ANY($1::text[]) GROUP BY stream)`;
  const found = await client.query<{ stream: string }>(
    `WITH heads AS MATERIALIZED (SELECT stream, max(version) AS version FROM es.events GROUP BY stream),
       erased AS MATERIALIZED ${erased},
       parts AS (${parts.join(' UNION ALL ')})
     ${headTables(tables)
       .map(
         ([table, { category, endedBy }]) => `SELECT coalesce(h.stream, r.stream) AS stream
           FROM (SELECT stream, version FROM heads WHERE stream >= '${category}-' AND stream < '${category}.'
                   AND length(stream) = ${category.length + 37}) AS h
           FULL JOIN (SELECT '${category}-' || ${READ_TABLES[table]} AS stream, version FROM ${table}) AS r USING (stream)
           WHERE h.version IS DISTINCT FROM r.version${endedBy === undefined ? '' : ` AND NOT (r.stream IS NULL AND ${hasEnded(endedBy)})`}`,
       )
       .join(' UNION ')}
     UNION SELECT p.stream FROM parts p LEFT JOIN heads h USING (stream) LEFT JOIN erased e USING (stream)
           WHERE h.stream IS NULL OR p.version > h.version OR p.version < e.version
     UNION SELECT e.stream FROM erased e JOIN ${POINTS_TABLE} p ON p.record_id = right(e.stream, 36)::uuid
     ${endsApart(tables)}
     UNION ${pointsApart(heads)}`,
    [erasingTypes()],
  );
  const streams = new Set(found.rows.map(({ stream }) => stream));
  for (const [table, types] of events) for (const stream of await streamsOfMissing(client, table, types)) streams.add(stream);
  // People and rights first, and together: one may have taken over what is unique from another.
  const isSealed = (stream: string): boolean => AGGREGATES.get(streamParts(stream).category)?.sealed ?? true;
  return [...streams].sort((one, other) => Number(isSealed(one)) - Number(isSealed(other)) || (one < other ? -1 : 1));
}

type HeadOrigin = Extract<RowOrigin, { readonly kind: 'head' }>;

function headTables(tables: ReadonlyArray<[ReadTable, RowOrigin]>): ReadonlyArray<readonly [ReadTable, HeadOrigin]> {
  return tables.flatMap(([table, origin]) => (origin.kind === 'head' ? [[table, origin] as const] : []));
}

/** The last event of the stream `h` is the one after which it has no row; looked up only where there is none. */
function hasEnded(type: string): string {
  return `EXISTS (SELECT FROM es.events l WHERE l.stream = h.stream AND l.version = h.version AND l.type = '${type}')`;
}

/** Streams that ended without the row that says so, and rows of streams that did not. */
function endsApart(tables: ReadonlyArray<[ReadTable, RowOrigin]>): string {
  return tables
    .flatMap(([table, origin]) => (origin.kind === 'end' ? [[table, origin] as const] : []))
    .map(
      ([table, { category, type }]) => `UNION SELECT coalesce(e.stream, r.stream)
        FROM (SELECT stream, version FROM es.events WHERE type LIKE '%Erased' AND type = '${type}') AS e
        FULL JOIN (SELECT '${category}-' || ${READ_TABLES[table]} AS stream, version FROM ${table}) AS r USING (stream)
        WHERE e.version IS DISTINCT FROM r.version`,
    )
    .join(' ');
}

/** Records whose row lists other points than the vault has: points carry no version. */
function pointsApart(categories: readonly string[]): string {
  const listed = (
    [
      ['contact', 'read.contacts'],
      ['company', 'read.companies'],
    ] as const
  )
    .filter(([category]) => categories.includes(category))
    .map(
      ([category, table]) =>
        `SELECT '${category}' AS record_type, r.id AS record_id, (p->>'id')::uuid AS id
         FROM ${table} r CROSS JOIN LATERAL jsonb_array_elements(r.phones || r.emails) AS p`,
    );
  return `SELECT coalesce(l.record_type, v.record_type) || '-' || record_id AS stream
    FROM (${listed.join(' UNION ALL ')}) AS l FULL JOIN ${POINTS_TABLE} AS v USING (id, record_id)
    WHERE l.record_type IS NULL OR v.record_type IS NULL`;
}

/** Streams with events since about the newest row that should have made one and did not. */
async function streamsOfMissing(client: Client, table: ReadTable, types: readonly string[]): Promise<readonly string[]> {
  const key = READ_TABLES[table];
  const { rows } = await client.query<{ stream: string }>(
    `SELECT DISTINCT e.stream FROM es.events e
     WHERE e.seq > coalesce((SELECT n.seq FROM ${table} t JOIN es.events n ON n.id = t.${key} ORDER BY t.${key} DESC LIMIT 1), 0) - $2
       AND e.type = ANY($1::text[]) AND NOT EXISTS (SELECT FROM ${table} t WHERE t.${key} = e.id)`,
    [types, MARGIN],
  );
  return rows.map(({ stream }) => stream);
}

/** Makes the rows of these streams anew. Under the streams' locks nobody appends to them meanwhile. */
async function putRight(client: Client, shapes: Shapes, keys: LogKeys, names: readonly string[]): Promise<void> {
  await client.query(
    `SELECT pg_advisory_xact_lock(k) FROM (SELECT DISTINCT hashtextextended(s, 0) AS k FROM unnest($1::text[]) AS s ORDER BY 1) AS locks`,
    [names],
  );
  await removeRows(client, names);
  const streams = await readStreams(client, names);
  const folded = await projectStreams(client, keys, streams);
  await replaceRows(client, shapes, ({ table }) => table, folded);
  const destroyed = folded.flatMap(({ destroyedKeys }) => destroyedKeys);
  if (destroyed.length > 0) await client.query('DELETE FROM vault.keys WHERE owner = ANY($1::text[])', [destroyed]);
}

/** Whatever stands under the names of these streams, also of one that the log does not know. */
async function removeRows(client: Client, names: readonly string[]): Promise<void> {
  for (const [table, origin] of Object.entries(ROW_ORIGINS) as ReadonlyArray<[ReadTable, RowOrigin]>) {
    if (origin.kind === 'event' || table === COUNTED_TABLE) continue;
    const ids = names.map(streamParts).filter(({ category }) => category === origin.category);
    if (ids.length === 0) continue;
    await client.query(`DELETE FROM ${table} WHERE ${READ_TABLES[table]} = ANY($1::uuid[])`, [ids.map(({ id }) => id)]);
  }
  await client.query(`DELETE FROM ${POINTS_TABLE} WHERE record_id = ANY($1::uuid[])`, [
    names.map((name) => streamParts(name).id),
  ]);
}

/**
 * The one row of the settings, with the count of all changes of rights: people, roles, departments and settings are few, so they
 * are counted anew. 1 when it was put right. Writers of the log wait meanwhile only if it has to be.
 */
async function countRaises(client: Client, keys: LogKeys): Promise<number> {
  const differs = async (): Promise<Columns | null> => {
    const made = await countedRow(client, keys);
    const { rows } = await client.query<{ same: boolean }>(
      `SELECT settings = $1::jsonb AND authz_version = $2 AND version = $3 AS same FROM ${COUNTED_TABLE}`,
      [made['settings'], made['authz_version'], made['version']],
    );
    return rows[0]?.same === true ? null : made;
  };
  if ((await differs()) === null) return 0;
  return inTransaction(client, async () => {
    // Looked at again while nobody writes: a change of rights may have been committed between the two looks.
    await client.query('LOCK TABLE es.events IN SHARE MODE');
    const made = await differs();
    if (made === null) return 0;
    await client.query(
      `INSERT INTO ${COUNTED_TABLE} (singleton, settings, authz_version, version) VALUES (true, $1, $2, $3)
       ON CONFLICT (singleton) DO UPDATE SET settings = excluded.settings, authz_version = excluded.authz_version, version = excluded.version`,
      [made['settings'], made['authz_version'], made['version']],
    );
    return 1;
  });
}

async function countedRow(client: Client, keys: LogKeys): Promise<Columns> {
  let row = FIRST_ROWS[COUNTED_TABLE] ?? {};
  let count = Number(row['authz_version']);
  for (const category of RAISING_CATEGORIES) {
    for (const streams of await wholeCategory(client, category)) {
      for (const folded of await projectStreams(client, keys, streams)) {
        count += folded.raises;
        row = securityOf(folded) ?? row;
      }
    }
  }
  return { ...row, authz_version: count };
}

async function wholeCategory(client: Client, category: string): Promise<ReadonlyArray<readonly WholeStream[]>> {
  const { rows } = await client.query<{ stream: string }>(
    `SELECT DISTINCT stream FROM es.events WHERE stream >= $1 || '-' AND stream < $1 || '.' AND length(stream) = length($1) + 37
     ORDER BY stream`,
    [category],
  );
  const batches: Array<readonly WholeStream[]> = [];
  for (let at = 0; at < rows.length; at += CHUNK) {
    batches.push(
      await readStreams(
        client,
        rows.slice(at, at + CHUNK).map(({ stream }) => stream),
      ),
    );
  }
  return batches;
}

async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const done = await work();
    await client.query('COMMIT');
    return done;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
