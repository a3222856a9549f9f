import { sql, type Kysely } from 'kysely';
import type pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, createPool, holdLeadership, isUnavailable, kyselyOf, runMigrations, type Leadership } from './index.js';
import { Secret } from '#kernel';
import { isolatedPostgres, until, type IsolatedPostgres } from '#testing';

const logger = createLogger({ service: 'spec', instance: '1', level: 'fatal' });

describe('database', () => {
  let database: IsolatedPostgres;
  let url: Secret<string>;
  let pool: pg.Pool;

  beforeAll(async () => {
    database = await isolatedPostgres();
    url = new Secret(database.url);
    pool = createPool({ connectionString: url, max: 4, applicationName: 'spec', statementTimeoutMs: 1_000, logger });
  });
  afterAll(async () => {
    await pool.end();
    await database.remove();
  });

  it('reads types as the code expects them', async () => {
    const text = `SELECT 9007199254740991::int8 AS big, ARRAY[1,2]::int8[] AS bigs, 1.10::numeric AS money, '2026-03-29'::date AS day,
      '2026-03-29T01:02:03.456Z'::timestamptz AS at, ARRAY['00000000-0000-7000-8000-000000000001']::uuid[] AS ids`;
    const { rows } = await pool.query(text);
    expect(rows).toEqual([
      {
        big: 9_007_199_254_740_991,
        bigs: [1, 2],
        money: '1.10',
        day: '2026-03-29',
        at: new Date('2026-03-29T01:02:03.456Z'),
        ids: ['00000000-0000-7000-8000-000000000001'],
      },
    ]);
    await expect(pool.query('SELECT 9007199254740993::int8')).rejects.toBeInstanceOf(RangeError);
    await expect(pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });

  it('answers through a pipelining pool', async () => {
    const pipelined = createPool({ connectionString: url, max: 1, applicationName: 'spec', pipeline: true });
    const answers = await Promise.all([1, 2, 3].map((n) => pipelined.query('SELECT $1::int AS n', [n])));
    expect(answers.map(({ rows }) => (rows[0] as { n: number }).n)).toEqual([1, 2, 3]);
    await pipelined.end();
  });

  it('ends a slow statement and says that the database is unavailable', async () => {
    const error: unknown = await pool.query('SELECT pg_sleep(5)').catch((caught: unknown) => caught);
    expect(isUnavailable(error)).toBe(true);
  });

  it('waits for a connection as long as it was told to', async () => {
    const patient = createPool({ connectionString: url, max: 1, applicationName: 'spec', connectWithinMs: 10_000 });
    const taken = await patient.connect();
    const answer = patient.query<{ one: number }>('SELECT 1 AS one');
    setTimeout(() => taken.release(), 1_000);
    expect((await answer).rows).toEqual([{ one: 1 }]);
    await patient.end();
  });

  it('refuses within a second when all connections are taken', async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => pool.connect()));
    const started = Date.now();
    const error: unknown = await pool.query('SELECT 1').catch((caught: unknown) => caught);
    expect(isUnavailable(error)).toBe(true);
    expect(Date.now() - started).toBeLessThan(1_000);
    clients.forEach((client) => client.release());
  });

  it('runs migrations once, in order, also when several start at once, and undoes a failed run', async () => {
    const ran: string[] = [];
    const create = (name: string) => ({
      up: async (db: Kysely<unknown>) => {
        ran.push(name);
        await sql`CREATE TABLE app.${sql.id(name)} (id int)`.execute(db);
      },
    });
    const migrations = { '002-second': create('second'), '001-first': create('first') };
    const options = { databaseUrl: url, schema: 'app', migrations };
    await Promise.all([runMigrations(options), runMigrations(options), runMigrations(options)]);
    expect(ran).toEqual(['first', 'second']);
    await expect(runMigrations(options)).resolves.toEqual([]);
    const failing = { up: () => Promise.reject(new Error('no')) };
    const next = { ...migrations, '003-third': create('third'), '004-fails': failing };
    await expect(runMigrations({ ...options, migrations: next })).rejects.toThrow('no');
    const { rows } = await pool.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'app' ORDER BY 1");
    expect(rows.map((row: { table_name: string }) => row.table_name)).toEqual([
      'first',
      'migrations',
      'migrations_lock',
      'second',
    ]);
  });

  it('lets one lead, another when it stops, and tells a leader whose connection was cut', async () => {
    const leading: string[] = [];
    const candidate = (name: string): Leadership =>
      holdLeadership({
        databaseUrl: url,
        name: 'work',
        logger,
        onAcquired: async (signal) => {
          leading.push(name);
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          leading.splice(leading.indexOf(name), 1);
        },
      });
    const first = candidate('first');
    await until(() => leading.length === 1);
    const second = candidate('second');
    await sleep(700);
    expect(leading).toEqual(['first']);
    expect([first.isLeader, second.isLeader]).toEqual([true, false]);
    await first.stop();
    await until(() => leading[0] === 'second');
    await pool.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leader-work'");
    await until(() => leading.length === 0);
    await until(() => leading[0] === 'second');
    await second.stop();
    expect(leading).toEqual([]);
  });

  it('survives a stopped server, with connections lent out, and heals by itself', async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await database.stop();
    const inTransaction: unknown = await client.query('SELECT 1').catch((caught: unknown) => caught);
    expect(isUnavailable(inTransaction)).toBe(true);
    client.release(true);
    const started = Date.now();
    const error: unknown = await kyselyOf<unknown>(pool)
      .transaction()
      .execute((db) => sql`SELECT 1`.execute(db))
      .catch((caught: unknown) => caught);
    expect(isUnavailable(error)).toBe(true);
    expect(Date.now() - started).toBeLessThan(1_000);
    await database.start();
    await expect(pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });
});
