import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Limit, SecuritySettings, WrittenMeasure } from '#contracts';
import { contactLimit, GateDatabase, WAYS, type Way } from './gate-database.fixture.js';
import { admit, windowStart, type CountedDisclosure, type GateState } from './gate.rules.js';

/** The gate goes on from the tally of the last disclosure. Whatever happens in between, it must count what the log holds. */
let gate: GateDatabase;
beforeAll(async () => {
  gate = await GateDatabase.open();
});
afterAll(() => gate.close());

const CARDS = Array.from({ length: 5 }, () => randomUUID());
type Monitoring = Omit<SecuritySettings['activityMonitoring'], 'enabled' | 'exemptAdmins'>;
type Step =
  | { readonly does: 'open'; readonly measure: 'contact.opened' | 'deal.opened'; readonly card: number; readonly way: Way }
  | { readonly does: 'list'; readonly rows: number; readonly way: Way }
  /** Seconds; backwards where less than 0. */
  | { readonly does: 'clock moves'; readonly by: number }
  | { readonly does: 'settings'; readonly monitoring: Monitoring };

const limit = fc.record({
  measure: fc.constantFrom('contact.opened', 'deal.opened', 'card.opened', 'list.rows'),
  window: fc.constantFrom('hour', 'day'),
  max: fc.integer({ min: 1, max: 9 }),
  action: fc.constantFrom('refuse', 'alert'),
  scope: fc.constant({ everyone: true as const }),
}) satisfies fc.Arbitrary<Limit>;
const settings: fc.Arbitrary<Step> = fc.record({
  does: fc.constant('settings'),
  monitoring: fc.record({
    windowing: fc.constantFrom('rolling', 'rolling', 'calendar'),
    counting: fc.constantFrom('distinct', 'opens'),
    limits: fc.array(limit, { maxLength: 4 }),
  }),
});
const opening: fc.Arbitrary<Step> = fc.record({
  does: fc.constant('open'),
  measure: fc.constantFrom('contact.opened', 'contact.opened', 'deal.opened'),
  card: fc.integer({ min: 0, max: 4 }),
  way: fc.constantFrom(...WAYS),
});
const steps = fc.oneof(
  { weight: 8, arbitrary: opening },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('list'), rows: fc.integer({ min: 1, max: 3 }), way: fc.constantFrom(...WAYS) }),
  },
  // Whole minutes with half a minute to spare, so that no row comes to lie on an edge while the test runs.
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('clock moves'),
      by: fc.constantFrom(130, 930, 3_630, 40_030, 90_030, -610, -7_210),
    }),
  },
  { weight: 1, arbitrary: settings },
) as fc.Arbitrary<Step>;

/** That the clock moves is that everything recorded moves the other way, and what tallies say of it. */
async function moveClock(viewer: string, seconds: number): Promise<void> {
  const moved = ['at', 'hour_eve', 'day_eve', 'cards_hour_eve', 'cards_day_eve'].map(
    (column) => `${column} = ${column} - make_interval(secs => $2)`,
  );
  await gate.superuser.query(`UPDATE watch.disclosures SET ${moved.join(', ')} WHERE user_id = $1`, [viewer, seconds]);
  await gate.superuser.query('DELETE FROM watch.refusals WHERE user_id = $1', [viewer]);
}

async function log(viewer: string): Promise<CountedDisclosure[]> {
  const { rows } = await gate.monitor.query<{ at: Date; measure: WrittenMeasure; subject_id: string; amount: number }>(
    'SELECT at, measure, subject_id, amount FROM watch.disclosures WHERE user_id = $1',
    [viewer],
  );
  return rows.map(({ at, measure, subject_id: subjectId, amount }) => ({
    ...{ at: at.getTime(), epoch: 1, measure, amount },
    subjectId: measure === 'list.rows' ? undefined : subjectId,
  }));
}

/** Tallies that are not what a count of the log from their eve on comes to. */
async function wrongTallies(viewer: string): Promise<unknown[]> {
  const { rows } = await gate.monitor.query('SELECT * FROM watch.wrong_tallies($1)', [viewer]);
  return rows;
}

function isNearEdge(state: GateState, now: number): boolean {
  if (state.monitoring.windowing !== 'calendar') return false;
  return (['hour', 'day'] as const).some((window) => windowStart(window, state, now + 5_000) !== windowStart(window, state, now));
}

it('counts as the rules do over the whole log, through time, settings and a clock that is moved back', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(steps, { minLength: 4, maxLength: 30 }), async (first, rest) => {
      const viewer = await gate.person();
      let monitoring: SecuritySettings['activityMonitoring'] = { enabled: true, exemptAdmins: true } as never;
      for (const step of [first, ...rest]) {
        if (step.does === 'settings') {
          monitoring = { ...monitoring, ...step.monitoring };
          await gate.settings(monitoring);
        } else if (step.does === 'clock moves') await moveClock(viewer, step.by);
        else {
          const measure = step.does === 'open' ? step.measure : 'list.rows';
          const subjects =
            step.does === 'open' ? [CARDS[step.card] as string] : Array.from({ length: step.rows }, () => randomUUID());
          const state: GateState = {
            ...{ status: 'active', isAdmin: false, userId: viewer, roleIds: [], epoch: 1, heldBy: undefined },
            ...{ isLastAdministrator: false, timeZone: 'Europe/Moscow', monitoring, disclosures: await log(viewer) },
          };
          const now = Date.now();
          fc.pre(!isNearEdge(state, now));
          const expected = admit(state, { measure, subjectIds: subjects, at: now });
          gate.way = step.way;
          const answer = await gate.admit({ viewer, measure, kind: step.does === 'open' ? 'card' : 'row', subjects });
          const { decision, max, count } = answer;
          expect({ decision, max, count }).toEqual({
            decision: expected.decision,
            max: expected.decision === 'refused' ? expected.by.max : null,
            count: expected.decision === 'refused' ? expected.by.count : null,
          });
          const last = (await gate.events(viewer)).at(-1);
          if (expected.decision === 'admitted') {
            const told = (last?.limits ?? []).map((one) => Object.values(one).sort().join()).sort();
            expect(told).toEqual(expected.limits.map((one) => Object.values(one).sort().join()).sort());
          }
          expect(await wrongTallies(viewer)).toEqual([]);
        }
      }
    }),
    { numRuns: 30 },
  );
});

it('finds a tally that was tampered with', async () => {
  await gate.settings({ limits: [contactLimit(100)] });
  const viewer = await gate.person();
  for (let opened = 0; opened < 3; opened += 1) await gate.admit({ viewer });
  expect(await wrongTallies(viewer)).toEqual([]);
  await gate.superuser.query('UPDATE watch.disclosures SET hour_count = hour_count - 1 WHERE user_id = $1', [viewer]);
  expect(await wrongTallies(viewer)).toMatchObject([{ measure: 'contact.opened', tally: 2, counted: '3' }]);
});

it('costs no more for a person who was shown thousands within his window', async () => {
  await gate.settings({ limits: [contactLimit(1_000_000), contactLimit(1_000_000, { window: 'day' })] });
  const viewer = await gate.person();
  await gate.monitor.query(
    `INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked, request_id)
     SELECT uuidv7(), now() - interval '50 minutes' + n * interval '100 ms', $1, false, 1, 'contact.opened', 'card', 'contact',
       ARRAY[gen_random_uuid()], 1, true, gen_random_uuid() FROM generate_series(1, 5000) AS n`,
    [viewer],
  );
  // As autovacuum does when a table has grown: plans made for a handful of rows are made anew.
  await gate.monitor.query('ANALYZE watch.disclosures');
  await gate.admit({ viewer });
  const client = await gate.monitor.connect();
  try {
    // The figures of a transaction are those of its own session.
    await client.query('BEGIN');
    for (let opened = 0; opened < 10; opened += 1) await gate.admit({ viewer }, client);
    const { rows } = await client.query<{ read: number }>(
      `SELECT idx_tup_fetch::integer AS read FROM pg_stat_xact_user_tables WHERE relname = 'disclosures'`,
    );
    // Counted anew each time it would be 100,000: ten admissions, two windows, 5,000 rows.
    expect(rows[0]?.read).toBeLessThan(5_000);
    await client.query('ROLLBACK');
  } finally {
    client.release();
  }
});

describe('a kept tally', () => {
  const kept = async (viewer: string): Promise<Record<string, unknown>[]> => {
    const { rows } = await gate.monitor.query<Record<string, unknown>>(
      'SELECT measure, hour_count, day_count, hour_near FROM watch.kept_tallies WHERE user_id = $1',
      [viewer],
    );
    return rows;
  };
  /** Someone with so many openings, the limits near at 80. */
  const opened = async (times: number): Promise<string> => {
    const viewer = await gate.person();
    for (let n = 0; n < times; n += 1) await gate.admit({ viewer });
    return viewer;
  };
  beforeEach(async () => {
    gate.way = 'alone';
    await gate.settings({ counting: 'distinct', windowing: 'rolling', limits: [contactLimit(100)] });
  });

  it.each(WAYS)('is what the last row of the log says, and is gone on from without reading the log: %s', async (way) => {
    const viewer = await opened(1);
    gate.way = way;
    const card = { viewer, subjects: [randomUUID()] };
    for (let n = 0; n < 3; n += 1) await gate.admit(card);
    expect(await kept(viewer)).toEqual([{ measure: 'contact.opened', hour_count: 2, day_count: null, hour_near: 80 }]);
    const client = await gate.monitor.connect();
    const read = async (): Promise<number> => {
      const { rows } = await client.query<{ read: number }>(
        `SELECT idx_tup_fetch::integer AS read FROM pg_stat_xact_user_tables WHERE relname = 'disclosures'`,
      );
      return rows[0]?.read ?? -1;
    };
    try {
      await client.query('BEGIN');
      const before = await read();
      await gate.admit({ viewer }, client);
      // The looks for the card and for the request find nothing; a look for his last disclosure would find one.
      expect((await read()) - before).toBe(0);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
    expect(await kept(viewer)).toMatchObject([{ hour_count: 2 }]);
    expect(await wrongTallies(viewer)).toEqual([]);
  });

  it.each([
    [
      'is held',
      `INSERT INTO watch.holds (user_id, epoch, cause, at) VALUES ($1, 1, '{"action": "deactivate"}', now())`,
      'refused',
    ],
    ['has a row of the log changed', 'UPDATE watch.disclosures SET amount = 2 WHERE user_id = $1', 'admitted'],
    ['has a row of the log removed', 'DELETE FROM watch.disclosures WHERE user_id = $1', 'admitted'],
    [
      'has a row written by a tool',
      `INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked, request_id)
       VALUES (uuidv7(), now(), $1, false, 1, 'contact.opened', 'card', 'contact', ARRAY[gen_random_uuid()], 1, true, gen_random_uuid())`,
      'admitted',
    ],
  ] as const)('goes when its person %s', async (_, change, decision) => {
    const viewer = await opened(2);
    expect(await kept(viewer)).toHaveLength(1);
    await gate.superuser.query(change, [viewer]);
    expect(await kept(viewer)).toEqual([]);
    expect(await gate.admit({ viewer })).toMatchObject({ decision });
    expect(await wrongTallies(viewer)).toEqual([]);
  });

  it('is not looked at any more when something about rights has changed', async () => {
    const viewer = await opened(2);
    await gate.person({ userId: viewer, status: 'deactivated' });
    for (gate.way of WAYS) expect(await gate.admit({ viewer })).toMatchObject({ decision: 'inactive' });
    await gate.person({ userId: viewer });
    await gate.settings({ limits: [contactLimit(2)] });
    for (gate.way of WAYS) expect(await gate.admit({ viewer })).toMatchObject({ decision: 'refused', count: 2 });
  });

  it('is not kept near a limit, nor where openings are limited together', async () => {
    await gate.settings({ limits: [contactLimit(5)] });
    const viewer = await opened(3);
    expect(await kept(viewer)).toMatchObject([{ hour_count: 3 }]);
    await gate.admit({ viewer });
    expect(await kept(viewer)).toEqual([]);
    await gate.settings({ limits: [contactLimit(50, { measure: 'card.opened' })] });
    expect(await kept(await opened(2))).toEqual([]);
  });

  it('that was tampered with is found', async () => {
    const viewer = await opened(3);
    await gate.monitor.query('UPDATE watch.kept_tallies SET hour_count = 1 WHERE user_id = $1', [viewer]);
    expect(await wrongTallies(viewer)).toMatchObject([{ measure: 'contact.opened', window: 'hour', tally: 1, counted: '3' }]);
  });
});
