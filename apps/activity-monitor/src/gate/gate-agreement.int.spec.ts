import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Limit, LimitStanding, SecuritySettings, WatchEvent } from '#contracts';
import { calendarWindowStart, zoneOf } from '../windows/calendar-window.js';
import { instantsOf, WINDOW_CHAINS } from '../windows/special-days.fixture.js';
import { SPECIAL_ZONES } from '../windows/special-zones.fixture.js';
import { GateDatabase, WAYS, type Admission, type Way } from './gate-database.fixture.js';
import { admit, windowStart, type CountedDisclosure, type GateDecision, type GateState } from './gate.rules.js';

/** The gate exists twice: in SQL, where it decides, and in TypeScript, where it can be read. Here they are held against each other. */
let gate: GateDatabase;
beforeAll(async () => {
  gate = await GateDatabase.open();
});
afterAll(() => gate.close());

describe('where windows begin', () => {
  const special = SPECIAL_ZONES.flatMap(({ zone, changes }) => changes.map((change) => ({ zone, change: Date.parse(change) })));
  const nearChange = fc
    .tuple(fc.constantFrom(...special), fc.integer({ min: -180_000_000, max: 180_000_000 }))
    .map(([{ zone, change }, by]) => ({ zone, at: change + by }));
  const anyTime = fc.record({
    zone: fc.constantFrom(...SPECIAL_ZONES.map(({ zone }) => zone)),
    at: fc.integer({ min: Date.parse('2014-01-01T00:00:00Z'), max: Date.parse('2030-12-31T00:00:00Z') }),
  });
  const instants = fc.oneof(nearChange, nearChange, anyTime);

  it('SQL and TypeScript say the same, around every special day', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(instants, { minLength: 400, maxLength: 400 }), async (cases) => {
        const { rows } = await gate.monitor.query<{ hour: Date; day: Date }>(
          `SELECT watch.window_start('hour', 'calendar', zone, at) AS hour, watch.window_start('day', 'calendar', zone, at) AS day
           FROM unnest($1::text[], $2::timestamptz[]) WITH ORDINALITY AS c(zone, at, n) ORDER BY n`,
          [cases.map(({ zone }) => zone), cases.map(({ at }) => new Date(at))],
        );
        for (const [index, { zone, at }] of cases.entries()) {
          const expected = (['hour', 'day'] as const).map((window) => calendarWindowStart(window, zoneOf(zone), at));
          const got = [rows[index]?.hour.getTime(), rows[index]?.day.getTime()];
          expect({ zone, at, starts: got }).toEqual({ zone, at, starts: expected });
        }
      }),
      { numRuns: 12 },
    );
  });

  it('SQL says what was worked out by hand, to the microsecond', async () => {
    for (const chain of WINDOW_CHAINS) {
      const cases = [...instantsOf(chain)];
      const { rows } = await gate.monitor.query<{ start: Date; last: Date; apart: string }>(
        `SELECT watch.window_start($1, 'calendar', $2, at) AS start,
           watch.window_start($1, 'calendar', $2, at + interval '999 microseconds') AS last,
           watch.window_start($1, 'calendar', $2, at) - watch.window_eve($1, 'calendar', $2, at) AS apart
         FROM unnest($3::timestamptz[]) WITH ORDINALITY AS c(at, n) ORDER BY n`,
        [chain.window, chain.zone, cases.map(({ at }) => new Date(at))],
      );
      const said = rows.map(({ start, last }, index) => [new Date(cases[index]?.at ?? 0), start, last]);
      expect([chain.what, said]).toEqual([
        chain.what,
        cases.map(({ at, start }) => [new Date(at), new Date(start), new Date(start)]),
      ]);
    }
  });

  it('what lies on an edge counts for the window that it begins; a rolling one leaves its own start out', async () => {
    const [viewer, ms] = [await gate.person(), 1];
    const put = (at: number) =>
      gate.monitor.query(
        `INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked, request_id)
         VALUES (uuidv7(), $1, $2, false, 1, 'contact.opened', 'card', 'contact', ARRAY[gen_random_uuid()], 1, true, uuidv7())`,
        [new Date(at), viewer],
      );
    const counted = async (window: string, windowing: string, zone: string, at: number): Promise<number> => {
      const { rows } = await gate.monitor.query<{ count: number }>(
        `SELECT count::integer FROM watch.counted($1, 1, 'contact.opened', watch.window_eve($2, $3, $4, $5), true, NULL)`,
        [viewer, window, windowing, zone, new Date(at)],
      );
      return rows[0]?.count ?? -1;
    };
    for (const { what, window, zone, starts } of WINDOW_CHAINS) {
      const [from = 0, to = 0] = starts.slice(-3, -1).map((start) => Date.parse(start));
      await gate.superuser.query('DELETE FROM watch.disclosures WHERE user_id = $1', [viewer]);
      for (const at of [from - ms, from, from + ms, to - ms]) await put(at);
      const length = window === 'hour' ? 3_600_000 : 86_400_000;
      expect([
        what,
        await counted(window, 'calendar', zone, from - ms),
        await counted(window, 'calendar', zone, from),
        await counted(window, 'calendar', zone, to - ms),
        await counted(window, 'calendar', zone, to),
        await counted(window, 'rolling', zone, from - ms + length),
        await counted(window, 'rolling', zone, from + length),
        await counted(window, 'rolling', zone, to - ms + length),
      ]).toEqual([what, 4, 3, 3, 0, 3, 2, 0]);
    }
  });
});

const CARDS = Array.from({ length: 6 }, () => randomUUID());
const ROLES = [randomUUID(), randomUUID()];
const MEASURES = ['contact.opened', 'deal.opened', 'company.opened', 'list.rows', 'phone.lookedUp'] as const;

interface Case {
  readonly way: Way;
  readonly timeZone: string;
  readonly monitoring: Omit<SecuritySettings['activityMonitoring'], 'limits'>;
  readonly limits: readonly (Omit<Limit, 'scope'> & { readonly who: 'everyone' | 'role' | 'other' | 'me' })[];
  readonly isAdmin: boolean;
  readonly history: readonly {
    readonly measure: (typeof MEASURES)[number];
    readonly card: number;
    readonly age: number;
    readonly old: boolean;
  }[];
  readonly asks: { readonly measure: (typeof MEASURES)[number]; readonly card: number; readonly rows: number };
}

const cases: fc.Arbitrary<Case> = fc.record({
  way: fc.constantFrom(...WAYS),
  timeZone: fc.constantFrom(...SPECIAL_ZONES.map(({ zone }) => zone)),
  monitoring: fc.record({
    enabled: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    windowing: fc.constantFrom('rolling', 'calendar'),
    counting: fc.constantFrom('distinct', 'opens'),
    exemptAdmins: fc.boolean(),
  }),
  limits: fc.array(
    fc.record({
      measure: fc.constantFrom(...MEASURES, 'card.opened' as const),
      window: fc.constantFrom('hour', 'day'),
      max: fc.integer({ min: 0, max: 8 }),
      action: fc.constantFrom('deactivate', 'refuse', 'alert'),
      who: fc.constantFrom('everyone', 'role', 'other', 'me'),
    }),
    { maxLength: 8 },
  ),
  isAdmin: fc.boolean(),
  history: fc.array(
    fc.record({
      measure: fc.constantFrom(...MEASURES),
      card: fc.integer({ min: 0, max: 5 }),
      // Negative: recorded before the clock was moved back. Whole seconds that stay clear of the windows' edges while the test runs.
      age: fc.constantFrom(-7_200, 60, 1_800, 3_500, 3_700, 20_000, 86_300, 86_500, 200_000),
      old: fc.boolean(),
    }),
    { maxLength: 14 },
  ),
  asks: fc.record({
    measure: fc.constantFrom(...MEASURES),
    card: fc.integer({ min: 0, max: 5 }),
    rows: fc.integer({ min: 0, max: 5 }),
  }),
});

const isOpening = (measure: string): boolean => measure.endsWith('.opened');

async function remember(viewer: string, made: Case, now: number): Promise<CountedDisclosure[]> {
  const history = made.history.map(({ measure, card, age, old }): CountedDisclosure => {
    const amount = measure === 'list.rows' ? card : 1;
    return {
      at: now - age * 1_000,
      epoch: old ? 0 : 1,
      measure,
      subjectId: isOpening(measure) ? CARDS[card] : undefined,
      amount,
    };
  });
  for (const { at, epoch, measure, subjectId, amount } of history) {
    await gate.monitor.query(
      `INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked, request_id)
       VALUES (uuidv7(), $1, $2, false, $3, $4, 'card', 'contact', $5, $6, true, uuidv7())`,
      [new Date(at), viewer, epoch, measure, subjectId === undefined ? [] : [subjectId], amount],
    );
  }
  return history;
}

/** The calendar's edges move while the test runs: a case whose history lies on one is left out. */
function isOnEdge(state: GateState, now: number): boolean {
  return (['hour', 'day'] as const).some((window) => {
    const start = windowStart(window, state, now);
    const next = windowStart(window, state, now + 10_000);
    return state.monitoring.windowing === 'calendar' && next !== start;
  });
}

function asDecision(answer: Admission, event: WatchEvent | undefined, held: boolean): GateDecision {
  if (answer.decision === 'inactive') return { decision: 'inactive' };
  if (answer.decision === 'admitted') return { decision: 'admitted', limits: event?.limits ?? [] };
  const { measure, window, action, max, count } = answer;
  return { decision: 'refused', by: { measure, window, action, max, count }, holds: held } as GateDecision;
}

const nameOf = ({ measure, window, action }: LimitStanding): string => `${measure} ${window} ${action}`;
const sorted = (decision: GateDecision): GateDecision =>
  decision.decision === 'admitted'
    ? { ...decision, limits: decision.limits.toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1)) }
    : decision;
const keyed = (decision: GateDecision): unknown =>
  JSON.parse(
    JSON.stringify(sorted(decision), [
      'decision',
      'holds',
      'by',
      'limits',
      'measure',
      'window',
      'action',
      'max',
      'count',
      'added',
    ]),
  );

it('what is decided: SQL and TypeScript say the same for random histories, limits and people', async () => {
  await gate.person({ isAdmin: true }); // So that nobody is the last administrator.
  await fc.assert(
    fc.asyncProperty(cases, async (made) => {
      const viewer = await gate.person({ isAdmin: made.isAdmin, roleIds: [ROLES[0] as string] });
      const scopes = {
        everyone: { everyone: true },
        role: { roleIds: [ROLES[0]] },
        other: { userIds: [ROLES[1]] },
        me: { userIds: [viewer] },
      };
      const limits = made.limits.map(({ who, ...limit }) => ({ ...limit, scope: scopes[who] }) as Limit);
      const monitoring = { ...made.monitoring, limits };
      await gate.settings(monitoring, made.timeZone);
      const now = Math.floor(Date.now() / 1_000) * 1_000;
      const disclosures = await remember(viewer, made, now);
      const { timeZone, isAdmin } = made;
      const state: GateState = {
        ...{ status: 'active', isAdmin, userId: viewer, roleIds: [ROLES[0] as string], epoch: 1, heldBy: undefined },
        ...{ isLastAdministrator: false, timeZone, monitoring, disclosures },
      };
      fc.pre(!isOnEdge(state, now));
      const { measure } = made.asks;
      const rows = Array.from({ length: made.asks.rows }, () => randomUUID());
      const subjects = measure === 'list.rows' ? rows : [CARDS[made.asks.card] as string];
      const kind = isOpening(measure) ? 'card' : measure === 'list.rows' ? 'row' : 'lookup';
      gate.way = made.way;
      const answer = await gate.admit({ viewer, measure, kind, subjects });
      const [event] = await gate.events(viewer);
      const expected = admit(state, { measure, subjectIds: subjects, at: now + 1 });
      const nothingShown = subjects.length === 0 && expected.decision === 'admitted';
      expect(keyed(asDecision(answer, event, event?.held ?? false))).toEqual(
        keyed(nothingShown ? { decision: 'admitted', limits: [] } : expected),
      );
    }),
    { numRuns: 250 },
  );
});
