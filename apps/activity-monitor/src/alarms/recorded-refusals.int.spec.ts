import { randomUUID } from 'node:crypto';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import type { Alarm } from '#contracts';
import { testDatabase, testPool, type TestDatabase } from '#testing';
import { queryAlarms } from '../queries/alarms.query.js';
import { raiseAlarms } from './alarm-store.js';
import { ClockWatch } from './moved-clock.js';
import { raiseEmptiedRecords } from './emptied-records.js';
import { raiseHidingRewinds } from './hiding-rewinds.js';
import { raiseManyRefusals } from './refusals-many.js';
import { FIRST_LOOK_BACK, raiseRefusedSignIns } from './refused-sign-ins.js';
import { raiseSealingStopped } from './sealing-stopped.js';

let database: TestDatabase;
let db: Kysely<unknown>;
let gateway: pg.Pool;
beforeAll(async () => {
  database = await testDatabase();
  db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: testPool(database.monitorUrl, 2) }),
  });
  gateway = testPool(database.gatewayUrl, 2);
});
afterAll(async () => {
  await Promise.all([db.destroy(), gateway.end()]);
  await database.drop();
});

/** As gateways write them: one every so many seconds, the last one now. */
async function tried(tries: {
  account: string;
  userId?: string;
  count: number;
  everySeconds: number;
  reason?: string;
  daysAgo?: number;
}): Promise<void> {
  await gateway.query(
    `INSERT INTO access.audit (id, at, type, actor_id, ip, details)
     SELECT gen_random_uuid(), clock_timestamp() - make_interval(days => $7, secs => ($3 - n) * $4::float8), $5, $2, '203.0.113.7',
       jsonb_strip_nulls(jsonb_build_object('account', $1::text, 'reason', $6::text))
     FROM generate_series(1, $3::integer) AS n`,
    [
      ...[tries.account, tries.userId ?? null, tries.count, tries.everySeconds],
      ...[tries.reason === undefined ? 'sign-in.failed' : 'sign-in.refused', tries.reason ?? null, tries.daysAgo ?? 0],
    ],
  );
}
async function refused(userId: string, count: number, secondsAgo: number): Promise<void> {
  await gateway.query(
    `INSERT INTO access.refused_requests (user_id, second, count)
     VALUES ($1, date_trunc('second', clock_timestamp()) - make_interval(secs => $3), $2)`,
    [userId, count, secondsAgo],
  );
}
const alarmsOf = async (userId: string): Promise<readonly Alarm[]> =>
  (await queryAlarms(db, { limit: 200, beforeId: null, afterId: null, filter: { type: null, userId, from: null, to: null } }))
    .items;

describe('sign-in.refused', () => {
  it('with the tenth failure for one account within ten minutes, once', async () => {
    const userId = randomUUID();
    const account = randomUUID();
    await tried({ account, userId, count: 9, everySeconds: 1 });
    await tried({ account: randomUUID(), count: 9, everySeconds: 1 });
    expect(await raiseRefusedSignIns(db)).toBe(0);
    await tried({ account, userId, count: 4, everySeconds: 0.1 });
    expect([await raiseRefusedSignIns(db), await raiseRefusedSignIns(db)]).toEqual([1, 0]);
    expect(await alarmsOf(userId)).toMatchObject([{ type: 'sign-in.refused', count: 10, severity: 'warning' }]);
  });

  it('also what was tried while no monitor ran, told by who begins to lead', async () => {
    const [account, userId] = [randomUUID(), randomUUID()];
    await tried({ account, userId, count: 10, everySeconds: 1, daysAgo: 2 });
    expect(await raiseRefusedSignIns(db)).toBe(0);
    expect([await raiseRefusedSignIns(db, FIRST_LOOK_BACK), await raiseRefusedSignIns(db, FIRST_LOOK_BACK)]).toEqual([1, 0]);
    expect(await alarmsOf(userId)).toMatchObject([{ type: 'sign-in.refused', count: 10 }]);
  });

  it('not with ten failures over a longer time', async () => {
    await tried({ account: randomUUID(), count: 12, everySeconds: 70 });
    expect(await raiseRefusedSignIns(db)).toBe(0);
  });

  it('with the right password from a refused address, once for a while, and not for one that is throttled or deactivated', async () => {
    const [userId, account] = [randomUUID(), randomUUID()];
    for (const reason of ['throttled', 'deactivated']) await tried({ account, userId, count: 1, everySeconds: 1, reason });
    expect(await raiseRefusedSignIns(db)).toBe(0);
    await tried({ account, userId, count: 3, everySeconds: 0, reason: 'address' });
    expect([await raiseRefusedSignIns(db), await raiseRefusedSignIns(db)]).toEqual([1, 0]);
    expect(await alarmsOf(userId)).toMatchObject([{ type: 'sign-in.refused', userId }]);
  });

  it('is all that the monitor sees of the audit', async () => {
    const monitor = testPool(database.monitorUrl, 1);
    await expect(monitor.query('SELECT FROM access.audit')).rejects.toThrow('permission denied');
    await expect(monitor.query('SELECT FROM access.webhooks')).rejects.toThrow('permission denied');
    await expect(monitor.query('DELETE FROM access.refused_requests')).rejects.toThrow('permission denied');
    await monitor.end();
  });
});

describe('refusals.many', () => {
  it('with the twentieth answer of no within a minute, over all gateways, once', async () => {
    const userId = randomUUID();
    await refused(userId, 10, 70);
    await refused(userId, 9, 50);
    await refused(userId, 10, 5);
    expect(await raiseManyRefusals(db)).toBe(0);
    await refused(userId, 1, 2);
    await refused(userId, 5, 1);
    expect([await raiseManyRefusals(db), await raiseManyRefusals(db)]).toEqual([1, 0]);
    expect(await alarmsOf(userId)).toMatchObject([{ type: 'refusals.many', count: 20 }]);
  });
});

it('of seals that are not made any more: at once when they cannot be, else after five minutes, once for each seal they stopped behind', async () => {
  const well = { number: 7, behindMs: 900, stopped: false };
  expect(await raiseSealingStopped(db, undefined)).toBe(0);
  expect(await raiseSealingStopped(db, well)).toBe(0);
  expect(await raiseSealingStopped(db, { ...well, behindMs: 299_999 })).toBe(0);
  expect(await raiseSealingStopped(db, { ...well, behindMs: 300_000 })).toBe(1);
  expect(await raiseSealingStopped(db, { ...well, stopped: true })).toBe(0);
  expect(await raiseSealingStopped(db, { ...well, number: 8, stopped: true })).toBe(1);
  const filter = { type: 'sealing.stopped', userId: null, from: null, to: null } as const;
  const { items } = await queryAlarms(db, { limit: 10, beforeId: null, afterId: null, filter });
  expect(items.map(({ severity, userId }) => [severity, userId])).toEqual([
    ['critical', null],
    ['critical', null],
  ]);
  expect(items[0]?.message).toContain('behind seal 8');
});

describe('the clock of the database', () => {
  const told = async (): Promise<readonly Alarm[]> => {
    const filter = { type: 'clock.moved', userId: null, from: null, to: null } as const;
    return (await queryAlarms(db, { limit: 10, beforeId: null, afterId: null, filter })).items;
  };

  it('is told of once it was moved by half a minute, in however many steps, and not for the time that passes', async () => {
    let moved = 0;
    // It is ours that is moved here, the other way.
    const clock = new ClockWatch(db, () => performance.now() - moved);
    const looks: number[] = [];
    for (const [step, times] of [
      [0, 3],
      [4_000, 7],
      [0, 1],
      [4_000, 1],
      [-3_600_000, 1],
      [0, 1],
    ] as const)
      for (let time = 0; time < times; time += 1) {
        moved += step;
        looks.push(await clock.look());
      }
    expect(looks).toEqual([...[0, 0, 0], ...[0, 0, 0, 0, 0, 0, 0], 0, 1, 1, 0]);
    const alarms = await told();
    expect(alarms.map(({ severity, userId }) => [severity, userId])).toEqual(alarms.map(() => ['critical', null]));
    expect(alarms.map(({ message }) => /moved (forward|back) by/.exec(message)?.[1])).toEqual(['back', 'forward']);
  });

  it('moved back does not put alarms before those that readers and webhooks have seen', async () => {
    const raise = (key: string): Promise<readonly string[]> =>
      db.transaction().execute((trx) =>
        raiseAlarms(trx, [
          {
            key,
            alarm: { type: 'records.differ', severity: 'info', at: new Date().toISOString(), userId: null, message: key },
          },
        ]),
      );
    const [ahead] = await raise('ahead');
    const { rows } = await sql<{ id: string }>`
      UPDATE monitor.alarms SET id = uuidv7('1 hour') WHERE id = ${ahead} RETURNING id`.execute(db);
    const later = [...(await raise('first after')), ...(await raise('second after'))];
    expect([rows[0]?.id, ...later]).toEqual([rows[0]?.id, ...later].toSorted());
    expect(later).toHaveLength(2);
    await sql`DELETE FROM monitor.alarms WHERE id >= ${rows[0]?.id}`.execute(db);
  });
});

const DAY_MS = 86_400_000;
const start = Date.parse('2026-03-02T09:00:00Z');
/** Of the alarms about somebody, in the order in which they were raised. */
async function countsOf(userId: string): Promise<unknown[]> {
  const { rows } = await sql<{ count: number }>`
    SELECT (alarm->>'count')::integer AS count FROM monitor.alarms WHERE alarm->>'userId' = ${userId} ORDER BY id`.execute(db);
  return rows.map(({ count }) => count);
}

describe('rewinds that hide records', () => {
  const rewinds = (actorId: string, ...started: ReadonlyArray<readonly [afterMs: number, hides: number]>) =>
    started.map(([afterMs, hides]) => ({ id: randomUUID(), at: new Date(start + afterMs).toISOString(), actorId, hides }));
  const folding = (facts: ReturnType<typeof rewinds>): Promise<void> =>
    db.transaction().execute((trx) => raiseHidingRewinds(trx, facts));
  it.each<[string, ReadonlyArray<readonly [number, number]>, readonly number[]]>([
    ['one of 20', [[0, 20]], [20]],
    ['one of 19', [[0, 19]], []],
    [
      'small ones within a day, with the one that reaches 20, once',
      [
        [0, 9],
        [3_600_000, 9],
        [DAY_MS - 1, 2],
        [DAY_MS - 1, 5],
      ],
      [20],
    ],
    [
      'small ones of more than a day',
      [
        [0, 10],
        [DAY_MS, 10],
      ],
      [],
    ],
    [
      'small ones that reach it again the day after',
      [
        [0, 10],
        [1, 10],
        [DAY_MS + 1, 9],
        [DAY_MS + 2, 11],
      ],
      [20, 20],
    ],
    [
      'a large one after the level was reached',
      [
        [0, 20],
        [1, 30],
      ],
      [20, 30],
    ],
  ])('%s', async (_, started, counts) => {
    const somebody = randomUUID();
    const facts = rewinds(somebody, ...started);
    await folding(facts);
    await folding(facts);
    await folding(rewinds(randomUUID(), [0, 19]));
    expect(await countsOf(somebody)).toEqual(counts);
  });
});

describe('records without numbers and addresses', () => {
  const changes = (actorId: string, count: number, everyMs: number, afterMs = 0, emptied = ['phones']) =>
    Array.from({ length: count }, (_, n) => ({
      ...{ id: randomUUID(), at: new Date(start + afterMs + n * everyMs).toISOString(), actorId, emptied },
    }));
  const folding = (facts: ReturnType<typeof changes>): Promise<void> =>
    db.transaction().execute((trx) => raiseEmptiedRecords(trx, facts));

  it.each<[string, (by: string) => ReadonlyArray<ReturnType<typeof changes>>, readonly number[]]>([
    ['twenty within ten minutes, told of once', (by) => [changes(by, 15, 1_000), changes(by, 15, 1_000, 60_000)], [20]],
    ['nineteen', (by) => [changes(by, 19, 1_000)], []],
    ['twenty, a minute apart', (by) => [changes(by, 20, 60_000)], []],
    ['again after a pause', (by) => [changes(by, 25, 1_000), changes(by, 25, 1_000, DAY_MS)], [20, 20]],
    ['changes that leave something', (by) => [changes(by, 30, 1_000, 0, [])], []],
  ])('%s', async (_, batches, counts) => {
    const somebody = randomUUID();
    for (const batch of batches(somebody)) {
      await folding(batch);
      await folding(batch);
    }
    expect(await countsOf(somebody)).toEqual(counts);
  });
});
