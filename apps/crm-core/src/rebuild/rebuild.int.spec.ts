import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { Secret } from '#kernel';
import { EventStore } from '#event-store';
import { createPool } from '#platform';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { BUILT_TABLES } from '../log/row-origin.js';
import { ensureFirstPipeline } from '../pipelines/first-pipeline.js';
import { openLane } from './range-projection.js';
import { clearLeftBeside } from './left-beside.js';
import { rebuild, type Rebuilt, type RebuildOptions } from './rebuild.js';
import { readShapes } from './table-shape.js';
import { VariedLog } from './varied-log.fixture.js';
import { isEqual, verify, type Comparison } from './verify.js';

let database: TestDatabase;
let pool: pg.Pool;
let admin: pg.Client;
let log: CrmLog;
let varied: VariedLog;
let options: RebuildOptions;
const reported: string[] = [];

beforeAll(async () => {
  database = await testDatabase();
  const databaseUrl = new Secret(database.coreUrl);
  pool = createPool({ connectionString: databaseUrl, max: 8, applicationName: 'core', pipeline: true });
  admin = new pg.Client({ connectionString: database.superuserUrl });
  await admin.connect();
  const keys = { wrapper: localKeyWrapper(randomBytes(32), 'given'), lookup: newDataKey() };
  log = new CrmLog(new EventStore(pool), new DataKeys(pool, keys.wrapper), keys.lookup);
  await ensureFirstPipeline(log, new Date());
  varied = new VariedLog(log, 3);
  await varied.append(480);
  options = {
    ...{ databaseUrl, keys, lanes: 2, report: (line) => reported.push(line) },
    openLane: (shapes, snapshot) => openLane(databaseUrl, keys, shapes, snapshot),
  };
});
afterAll(async () => {
  await admin.end();
  await pool.end();
  await database.drop();
});

/** Every row as text, in the order of its key; what was sealed anew is left out. */
async function allRows(): Promise<ReadonlyMap<string, readonly string[]>> {
  const tables = new Map<string, readonly string[]>();
  for (const table of BUILT_TABLES) {
    const row = table === 'vault.points' ? `to_jsonb(t) - 'sealed'` : 'to_jsonb(t)';
    const { rows } = await admin.query<{ row: string }>(`SELECT (${row})::text AS row FROM ${table} t ORDER BY 1`);
    tables.set(
      table,
      rows.map((found) => found.row),
    );
  }
  return tables;
}
const apart = (comparisons: readonly Comparison[]): unknown =>
  comparisons
    .filter((comparison) => !isEqual(comparison))
    .map(({ table, missing, surplus, different }) => [table, missing.ids, surplus.ids, different.ids]);
const leftBeside = async (): Promise<unknown> =>
  (await admin.query(`SELECT relname FROM pg_class WHERE relnamespace = 'rebuild'::regnamespace`)).rows;

/** What the catalogue says of the tables, apart from their object ids. */
async function catalogue(): Promise<unknown> {
  const { rows } = await admin.query(
    `SELECT c.oid::regclass::text AS "table", c.relowner::regrole::text AS owner, c.relacl::text[] AS rights, c.reloptions AS options,
       (SELECT jsonb_agg(jsonb_build_array(a.attname, a.attacl::text, a.attnotnull, a.attgenerated, format_type(a.atttypid, a.atttypmod), a.attstattarget,
               pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum)
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       (SELECT jsonb_agg(pg_get_indexdef(i.indexrelid) ORDER BY pg_get_indexdef(i.indexrelid)) FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid) AS indexes,
       (SELECT jsonb_agg(jsonb_build_array(k.conname, pg_get_constraintdef(k.oid)) ORDER BY k.conname) FROM pg_constraint k WHERE k.conrelid = c.oid) AS constraints,
       (SELECT jsonb_agg(pg_get_triggerdef(g.oid)) FROM pg_trigger g WHERE g.tgrelid = c.oid) AS triggers
     FROM pg_class c WHERE c.oid = ANY ($1::text[]::regclass[]) ORDER BY 1`,
    [BUILT_TABLES],
  );
  return rows;
}

describe('a rebuild', () => {
  it('of an untouched installation changes no row, no right, no index, and leaves nothing behind', async () => {
    expect(apart(await verify(options))).toEqual([]);
    const [rows, described] = [await allRows(), await catalogue()];
    const { events, rows: made } = await rebuild(options);
    expect(events).toBeGreaterThan(400);
    expect(made).toBe([...rows.values()].flat().length);
    expect(await allRows()).toEqual(rows);
    expect(await catalogue()).toEqual(described);
    expect(await leftBeside()).toEqual([]);
    expect(apart(await verify(options))).toEqual([]);
  });

  it('finds what was changed, removed and added behind the log, names it, and makes it right', async () => {
    const rows = await allRows();
    const [contact = '', gone = ''] = varied.idsOf('contact');
    const user = varied.idsOf('user')[0] ?? '';
    const added = '00000000-0000-8000-8000-00000000abcd';
    const point = (await admin.query<{ id: string }>('SELECT id FROM vault.points ORDER BY id LIMIT 1')).rows[0]?.id ?? '';
    await admin.query(`UPDATE read.contacts SET name = name || '!' WHERE id = $1`, [contact]);
    await admin.query('DELETE FROM read.contacts WHERE id = $1', [gone]);
    await admin.query('INSERT INTO read.roles (id, name, grants, version) VALUES ($1, $2, $3, 1)', [added, 'x', '{}']);
    await admin.query('UPDATE read.principals SET is_admin = true WHERE user_id = $1', [user]);
    await admin.query('UPDATE read.security SET authz_version = authz_version + 1');
    await admin.query(
      `UPDATE vault.points SET sealed = (SELECT sealed FROM vault.points ORDER BY id DESC LIMIT 1) WHERE id = $1`,
      [point],
    );
    expect(apart(await verify(options))).toEqual([
      ['read.contacts', [gone], [], [contact]],
      ['read.principals', [], [], [user]],
      ['read.roles', [], [added], []],
      ['read.security', [], [], ['true']],
      ['vault.points', [], [], [point]],
    ]);
    await rebuild(options);
    expect(await allRows()).toEqual(rows);
    expect(apart(await verify(options))).toEqual([]);
  });

  it('finds a row changed and a row gone in every table', async () => {
    const rows = await allRows();
    const planted: unknown[] = [];
    for (const { table, key } of (await readShapes(admin)).values()) {
      const id = table === 'vault.points' ? 'id' : key;
      const keys = (await admin.query<{ id: string }>(`SELECT ${id}::text AS id FROM ${table} ORDER BY ${id} LIMIT 2`)).rows;
      const [changed = '', gone] = keys.map((row) => row.id);
      const set =
        { 'read.audit': `type = type || '!'`, 'vault.points': `blind_index = '\\x00'` }[table as string] ?? 'version = 99';
      const done = await admin.query(`UPDATE ${table} SET ${set} WHERE ${id}::text = $1`, [changed]);
      expect([table, done.rowCount]).toEqual([table, 1]);
      if (gone !== undefined) await admin.query(`DELETE FROM ${table} WHERE ${id}::text = $1`, [gone]);
      planted.push([table, gone === undefined ? [] : [gone], [], [changed]]);
    }
    expect(apart(await verify(options))).toEqual(planted);
    await rebuild(options);
    expect(await allRows()).toEqual(rows);
  });

  it('under writers and readers loses nothing, and nobody sees an error or a row that is not there', async () => {
    let isOver = false;
    const errors: unknown[] = [];
    const busy = [11, 12, 13].map(async (seed) => {
      const writer = new VariedLog(log, seed, ['security-settings']);
      while (!isOver && errors.length === 0) await writer.append(1).catch((error: unknown) => errors.push(error));
    });
    const gateway = createPool({ connectionString: new Secret(database.gatewayUrl), max: 2, applicationName: 'gateway' });
    const user = varied.idsOf('user')[0];
    const reader = async (): Promise<void> => {
      while (!isOver) {
        const { rows } = await gateway.query<{ found: unknown }>({
          name: 'who',
          text: 'SELECT read.authorization_of($1) AS found',
          values: [user],
        });
        if (rows[0]?.found === null) errors.push(new Error('a person was not there for a moment'));
      }
    };
    const readers = [reader(), reader()].map((read) => read.catch((error: unknown) => errors.push(error)));
    const results: Rebuilt[] = [];
    reported.length = 0;
    try {
      for (let time = 0; time < 3; time += 1) results.push(await rebuild(options));
    } finally {
      isOver = true;
      await Promise.all([...busy, ...readers]);
      await gateway.end();
    }
    expect(errors).toEqual([]);
    expect(results[2]?.events).toBeGreaterThan(results[0]?.events ?? 0);
    // Readers who lock in another order must not hold the swap up again and again.
    const attempts = reported.flatMap((line) => /attempt (\d+)$/.exec(line)?.slice(1).map(Number) ?? []);
    expect(attempts).toHaveLength(3);
    expect(Math.max(...attempts)).toBeLessThanOrEqual(8);
    expect(apart(await verify(options))).toEqual([]);
  });

  it('that fails leaves the live tables as they were, and the next one is not in its way', async () => {
    const rows = await allRows();
    const broken: RebuildOptions = {
      ...options,
      openLane: async (shapes, snapshot) => {
        const lane = await options.openLane(shapes, snapshot);
        let calls = 0;
        return { ...lane, project: (range) => ((calls += 1) > 1 ? Promise.reject(new Error('planted')) : lane.project(range)) };
      },
    };
    await expect(rebuild(broken)).rejects.toThrow('planted');
    expect(await allRows()).toEqual(rows);
    expect(await leftBeside()).toEqual([]);
    await admin.query('CREATE TABLE rebuild.contacts (left_by text)');
    await admin.query('ALTER TABLE rebuild.contacts OWNER TO palisade_core');
    await expect(rebuild(options)).resolves.toMatchObject({});
    expect(await allRows()).toEqual(rows);
  });

  it('that was killed leaves its tables until core looks, and a rebuild at work keeps its own', async () => {
    const left = { databaseUrl: options.databaseUrl, pool };
    expect(await clearLeftBeside(left)).toBe(false);
    await admin.query(
      'CREATE TABLE rebuild.contacts AS TABLE read.contacts; ALTER TABLE rebuild.contacts OWNER TO palisade_core',
    );
    let duringRebuild: Promise<boolean> | undefined;
    const looking: RebuildOptions = {
      ...options,
      openLane: (shapes, snapshot) => {
        duringRebuild ??= clearLeftBeside(left);
        return duringRebuild.then(() => options.openLane(shapes, snapshot));
      },
    };
    await rebuild(looking);
    expect(await duringRebuild).toBe(false);
    await admin.query(
      'CREATE TABLE rebuild.contacts AS TABLE read.contacts; ALTER TABLE rebuild.contacts OWNER TO palisade_core',
    );
    expect(await clearLeftBeside(left)).toBe(true);
    expect(await leftBeside()).toEqual([]);
  });

  it("and a comparison name a person whose key was exchanged for another one's, and change nothing", async () => {
    const rows = await allRows();
    const kept = `SELECT owner FROM vault.keys WHERE owner LIKE 'contact-%' ORDER BY owner LIMIT 2`;
    const [one = '', other = ''] = (await admin.query<{ owner: string }>(kept)).rows.map(({ owner }) => owner);
    const exchange = (): Promise<unknown> =>
      admin.query(
        `UPDATE vault.keys k SET wrapped = o.wrapped FROM vault.keys o
         WHERE k.owner = ANY($1::text[]) AND o.owner = ANY($1::text[]) AND k.owner <> o.owner`,
        [[one, other]],
      );
    await exchange();
    const named = new RegExp(`the stream (${one}|${other}) cannot be read: .*data key`);
    await expect(verify(options)).rejects.toThrow(named);
    await expect(rebuild(options)).rejects.toThrow(named);
    await exchange();
    expect(await allRows()).toEqual(rows);
  });

  it('that finds no second lane closes the first', async () => {
    const seen: string[] = [];
    const openOne: RebuildOptions['openLane'] = async (shapes, snapshot) => {
      if (seen.push('opening') > 1) throw new Error('no second lane');
      const lane = await options.openLane(shapes, snapshot);
      return { ...lane, close: () => lane.close().finally(() => seen.push('closed')) };
    };
    await expect(rebuild({ ...options, openLane: openOne })).rejects.toThrow('no second lane');
    expect(seen).toEqual(['opening', 'opening', 'closed']);
    expect(await leftBeside()).toEqual([]);
  });

  it('is refused while another runs', async () => {
    const both = await Promise.allSettled([rebuild(options), rebuild(options)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { name: 'Error', message: expect.stringContaining('running already') },
    });
  });

  it('waits for a reader who holds a table, and gives way to him', async () => {
    await admin.query('BEGIN');
    await admin.query('SELECT FROM read.contacts LIMIT 1');
    let isDone = false;
    const lines: string[] = [];
    const running = rebuild({ ...options, report: (line) => lines.push(line) }).then(() => (isDone = true));
    const probe = async (): Promise<number> => {
      const start = performance.now();
      await pool.query('SELECT FROM read.contacts LIMIT 1');
      return performance.now() - start;
    };
    for (let times = 0; times < 20; times += 1) expect(await probe()).toBeLessThan(2_000);
    expect(isDone).toBe(false);
    await admin.query('COMMIT');
    await running;
    expect(lines.at(-1)).toMatch(/swapped in/);
  });
});

it('the gateway reads every read table, the monitor three of them in part, and neither the vault', async () => {
  const can = async (role: string): Promise<readonly string[]> => {
    const { rows } = await admin.query<{ table: string }>(
      `SELECT t AS "table" FROM unnest($1::text[]) t WHERE has_table_privilege($2, t, 'SELECT')`,
      [BUILT_TABLES, role],
    );
    return rows.map(({ table }) => table);
  };
  expect(await can('palisade_gateway')).toEqual(BUILT_TABLES.filter((table) => table !== 'vault.points'));
  expect(await can('palisade_monitor')).toEqual(['read.principals', 'read.security']);
  const monitor = new pg.Client({ connectionString: database.monitorUrl });
  await monitor.connect();
  await expect(monitor.query('SELECT id, name, status FROM read.users')).resolves.toBeDefined();
  await expect(monitor.query('SELECT email FROM read.users')).rejects.toMatchObject({ code: '42501' });
  await monitor.end();
});
