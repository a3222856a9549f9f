import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { EventStore } from '#event-store';
import { Secret } from '#kernel';
import { createLogger, createPool } from '#platform';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { AuditCopier } from './audit-copier.js';

let database: TestDatabase;
let pool: pg.Pool;
let gateway: pg.Client;
let other: pg.Client;

const copier = (): AuditCopier => {
  const log = new CrmLog(new EventStore(pool), new DataKeys(pool, localKeyWrapper(randomBytes(32), 'given')), newDataKey());
  const logger = createLogger({ service: 'crm-core', instance: 'test', level: 'fatal' });
  return new AuditCopier({ databaseUrl: new Secret(database.coreUrl) }, pool, log, logger);
};
async function write(client: pg.Client, type: string): Promise<string> {
  const id = randomUUID();
  const values = [id, type, '00000000-0000-7000-8000-000000000001', '192.0.2.9', '{"code": "forbidden"}'];
  await client.query('INSERT INTO access.audit (id, type, actor_id, ip, details) VALUES ($1, $2, $3, $4, $5)', values);
  return id;
}
/** Copies until as many entries as expected are through: what another test's transaction holds back comes a moment later. */
async function copied(expected: number): Promise<void> {
  let count = 0;
  for (const end = Date.now() + 20_000; count < expected && Date.now() < end; count += await copier().step());
  expect(count).toBe(expected);
}
const streams = async (): Promise<string[]> =>
  (await pool.query<{ stream: string }>('SELECT stream FROM es.events ORDER BY seq')).rows.map(({ stream }) => stream);

beforeEach(async () => {
  database = await testDatabase();
  pool = createPool({ ...{ connectionString: new Secret(database.coreUrl), max: 4, applicationName: 'core', pipeline: true } });
  [gateway, other] = [database.gatewayUrl, database.gatewayUrl].map(
    (connectionString) => new pg.Client({ connectionString }),
  ) as [pg.Client, pg.Client];
  await Promise.all([gateway.connect(), other.connect()]);
});
afterEach(async () => {
  await Promise.all([gateway.end(), other.end(), pool.end()]);
  await database.drop();
});

describe('the copier', () => {
  it('makes of each entry one event and one row of the trail', async () => {
    const id = await write(gateway, 'request.refused');
    await copied(1);
    expect(await copier().step()).toBe(0);
    expect(await streams()).toEqual([`audit-${id}`]);
    const { rows } = await pool.query(
      `SELECT a.type, a.actor_id, a.ip, a.details, a.at = date_trunc('milliseconds', w.at) AS same_time, e.type AS event
       FROM read.audit a JOIN es.events e ON e.id = a.id JOIN access.audit w ON e.stream = 'audit-' || w.id`,
    );
    expect(rows).toEqual([
      {
        ...{ type: 'request.refused', actor_id: '00000000-0000-7000-8000-000000000001', ip: '192.0.2.9' },
        ...{ details: { code: 'forbidden' }, same_time: true, event: 'AuditRecorded' },
      },
    ]);
  });

  it('does not pass an entry that is committed late', async () => {
    await gateway.query('BEGIN');
    const late = await write(gateway, 'sign-in.succeeded');
    const early = await write(other, 'sign-in.failed');
    // The late one stands before the early one: until it is there, nothing after it is taken.
    for (let look = 0; look < 3; look += 1) expect(await copier().step()).toBe(0);
    await gateway.query('COMMIT');
    await copied(2);
    expect(await streams()).toEqual([`audit-${late}`, `audit-${early}`]);
  });

  it('is not held up by an act that was given up', async () => {
    await gateway.query('BEGIN');
    await write(gateway, 'sign-in.succeeded');
    const kept = await write(other, 'sign-in.failed');
    await gateway.query('ROLLBACK');
    await copied(1);
    expect(await streams()).toEqual([`audit-${kept}`]);
  });

  it('and another one at the same time copy each entry once', async () => {
    const ids = new Set<string>();
    for (let n = 0; n < 30; n += 1) ids.add(`audit-${await write(gateway, 'sign-in.failed')}`);
    const [one, two] = [copier(), copier()];
    for (const end = Date.now() + 20_000; (await streams()).length < ids.size && Date.now() < end;) {
      await Promise.allSettled([one.step(), two.step()]);
    }
    const found = await streams();
    expect(found).toHaveLength(ids.size);
    expect(new Set(found)).toEqual(ids);
    expect(await one.step()).toBe(0);
  });

  it('reads what gateways wrote and can change nothing of it', async () => {
    const change = pool.query(`UPDATE access.audit SET type = 'x'`);
    await expect(change).rejects.toMatchObject({ code: '42501' });
  });
});
