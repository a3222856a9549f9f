import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { Secret } from '#kernel';
import { EventStore } from '#event-store';
import { createPool } from '#platform';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { BUILT_TABLES, ROW_ORIGINS } from '../log/row-origin.js';
import { ensureFirstPipeline } from '../pipelines/first-pipeline.js';
import { openLane } from './range-projection.js';
import { checkReadModels, type StartCheckOptions } from './start-check.js';
import { VariedLog } from './varied-log.fixture.js';
import { isEqual, verify } from './verify.js';

let database: TestDatabase;
let pool: pg.Pool;
let admin: pg.Client;
let log: CrmLog;
let varied: VariedLog;
let options: StartCheckOptions;

beforeAll(async () => {
  database = await testDatabase();
  const databaseUrl = new Secret(database.coreUrl);
  pool = createPool({ connectionString: databaseUrl, max: 8, applicationName: 'core', pipeline: true });
  admin = new pg.Client({ connectionString: database.superuserUrl });
  await admin.connect();
  const keys = { wrapper: localKeyWrapper(randomBytes(32), 'given'), lookup: newDataKey() };
  log = new CrmLog(new EventStore(pool), new DataKeys(pool, keys.wrapper), keys.lookup);
  options = { databaseUrl, keys };
  await ensureFirstPipeline(log, new Date());
  varied = new VariedLog(log, 5);
  await varied.append(150);
});
afterAll(async () => {
  await admin.end();
  await pool.end();
  await database.drop();
});

/** Tables that are not what the log says. */
async function apart(): Promise<readonly string[]> {
  const { databaseUrl, keys } = options;
  const lanes = { lanes: 1, report: () => undefined };
  const comparisons = await verify({
    ...{ databaseUrl, keys, ...lanes },
    openLane: (shapes, snapshot) => openLane(databaseUrl, keys, shapes, snapshot),
  });
  return comparisons.filter((comparison) => !isEqual(comparison)).map(({ table }) => table);
}

const copyOf = (table: string): string => `older.${table.replace('.', '_')}`;
async function backUp(): Promise<void> {
  await admin.query('DROP SCHEMA IF EXISTS older CASCADE; CREATE SCHEMA older');
  for (const table of BUILT_TABLES) await admin.query(`CREATE TABLE ${copyOf(table)} AS SELECT * FROM ${table}`);
}
/** What is appended is drawn, so that it need not touch a table soon. */
async function appendUntilChanged(table: string): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    await varied.append(60);
    const { rows } = await admin.query<{ same: boolean }>(
      `SELECT NOT EXISTS (SELECT t::text FROM ${table} AS t EXCEPT SELECT c::text FROM ${copyOf(table)} AS c) AS same`,
    );
    if (rows[0]?.same === false) return;
  }
  throw new Error(`Nothing drawn changed ${table}.`);
}
async function restore(tables: readonly string[] = BUILT_TABLES): Promise<void> {
  for (const table of tables) {
    const { rows } = await admin.query<{ name: string }>(
      `SELECT quote_ident(attname) AS name FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
      [table],
    );
    const names = rows.map(({ name }) => name).join(', ');
    await admin.query(`DELETE FROM ${table}`);
    await admin.query(`INSERT INTO ${table} (${names}) SELECT ${names} FROM ${copyOf(table)}`);
  }
}

describe('the check at start', () => {
  it('finds nothing to do where nothing was restored', async () => {
    expect(await checkReadModels(options)).toMatchObject({ streams: 0, keys: 0 });
  });

  it('brings an older read model up to the log, and has nothing to do the next time', async () => {
    await backUp();
    await varied.append(200);
    await restore();
    expect((await apart()).length).toBeGreaterThan(5);
    expect((await checkReadModels(options)).streams).toBeGreaterThan(50);
    expect(await apart()).toEqual([]);
    expect(await checkReadModels(options)).toMatchObject({ streams: 0 });
  });

  it.each([
    'read.principals',
    'read.security',
    'read.contacts',
    'read.erasures',
    'read.audit',
    'read.reveals',
    'read.custom_fields',
    'vault.points',
  ])('brings %s alone up to the log', async (table) => {
    await backUp();
    await appendUntilChanged(table);
    await restore([table]);
    expect(await apart()).toContain(table);
    await checkReadModels(options);
    expect(await apart()).toEqual([]);
  });

  it('takes reasons of reveals of before out of the audit trail, and has them where they can be erased', async () => {
    const { rows } = await admin.query<{ stream: string; id: string }>(
      `UPDATE es.events SET schema_version = 1, data = jsonb_set(data, '{reason}', '"in clear words"')
       WHERE id = (SELECT e.id FROM es.events e JOIN read.reveals r ON e.stream = 'reveal-' || r.id LIMIT 1) RETURNING stream, id`,
    );
    const [{ stream = '', id = '' } = {}] = rows;
    await admin.query(`UPDATE read.audit SET details = details - 'revealId' || '{"reason": "in clear words"}' WHERE id = $1`, [
      id,
    ]);
    await admin.query(`DELETE FROM read.reveals WHERE 'reveal-' || id = $1`, [stream]);
    expect((await checkReadModels(options)).streams).toBe(1);
    expect(await apart()).toEqual([]);
    const trail = await admin.query<{ details: Record<string, unknown> }>('SELECT details FROM read.audit WHERE id = $1', [id]);
    expect(Object.keys(trail.rows[0]?.details ?? {})).not.toContain('reason');
    const reveals = await admin.query(`SELECT reason FROM read.reveals WHERE 'reveal-' || id = $1`, [stream]);
    expect(reveals.rows).toEqual([{ reason: 'in clear words' }]);
  });

  it('removes what the log does not know, and what is ahead of it', async () => {
    const unknown = '00000000-0000-8000-8000-00000000abcd';
    const [contact = ''] = varied.idsOf('contact');
    await admin.query('UPDATE read.contacts SET version = version + 5, name = $2 WHERE id = $1', [contact, 'ahead']);
    await admin.query(`INSERT INTO read.roles (id, name, grants, version) VALUES ($1, 'x', '{}', 1)`, [unknown]);
    await admin.query(`INSERT INTO read.deal_attributions (deal_id, values, version) VALUES ($1, '{}', 1)`, [unknown]);
    await admin.query(
      `INSERT INTO vault.points (id, record_type, record_id, kind, sealed) VALUES ($1, 'contact', $1, 'phone', 'x')`,
      [unknown],
    );
    expect((await checkReadModels(options)).streams).toBe(4);
    expect(await apart()).toEqual([]);
  });

  it('refills rows that events made, from the newest there is on', async () => {
    const origins = { ...ROW_ORIGINS, 'read.roles': { kind: 'event', types: ['RoleCreated'] } } as const;
    await admin.query('DELETE FROM read.roles');
    expect((await checkReadModels({ ...options, origins })).streams).toBe(varied.idsOf('role').length);
    expect(await apart()).toEqual([]);
  });

  it('is safe for cores that start together, beside one that works already', async () => {
    await backUp();
    await varied.append(150);
    await restore();
    let isOver = false;
    const errors: unknown[] = [];
    const writer = new VariedLog(log, 17, ['security-settings']);
    const writing = (async () => {
      while (!isOver && errors.length === 0) await writer.append(1).catch((error: unknown) => errors.push(error));
    })();
    try {
      await Promise.all([1, 2, 3].map(() => checkReadModels(options)));
    } finally {
      isOver = true;
      await writing;
    }
    expect(errors).toEqual([]);
    expect(await apart()).toEqual([]);
  });
});
