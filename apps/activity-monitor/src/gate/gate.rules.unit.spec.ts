import fc from 'fast-check';
import type { Limit } from '#contracts';
import { admit, limitsFor, type CountedDisclosure, type GateState } from './gate.rules.js';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const HOUR = 3_600_000;
const VIEWER = '00000000-0000-4000-8000-000000000002';
const ROLE = '00000000-0000-4000-8000-0000000000aa';

const limit = (max: number, change: Partial<Limit> = {}): Limit => ({
  measure: 'contact.opened',
  window: 'hour',
  max,
  action: 'deactivate',
  scope: { everyone: true },
  ...change,
});

const opened = (card: string, at = NOW - 1_000, change: Partial<CountedDisclosure> = {}): CountedDisclosure => ({
  at,
  epoch: 1,
  measure: 'contact.opened',
  subjectId: card,
  amount: 1,
  ...change,
});

const viewer = (
  limits: readonly Limit[],
  disclosures: readonly CountedDisclosure[],
  change: Partial<GateState> = {},
): GateState => ({
  status: 'active',
  isAdmin: false,
  userId: VIEWER,
  roleIds: [ROLE],
  epoch: 1,
  heldBy: undefined,
  isLastAdministrator: false,
  timeZone: 'Europe/Moscow',
  monitoring: { enabled: true, windowing: 'rolling', counting: 'distinct', exemptAdmins: true, limits: [...limits] },
  disclosures,
  ...change,
});

const open = (state: GateState, card: string, at = NOW) => admit(state, { measure: 'contact.opened', subjectIds: [card], at });
const withMonitoring = (state: GateState, change: Partial<GateState['monitoring']>): GateState => ({
  ...state,
  monitoring: { ...state.monitoring, ...change },
});

describe('a limit of N', () => {
  it('serves the Nth card', () => {
    expect(open(viewer([limit(2)], [opened('a')]), 'b')).toMatchObject({ decision: 'admitted' });
  });

  it('refuses the N+1st, names the count and holds', () => {
    expect(open(viewer([limit(2)], [opened('a'), opened('b')]), 'c')).toEqual({
      decision: 'refused',
      by: { measure: 'contact.opened', window: 'hour', action: 'deactivate', max: 2, count: 2 },
      holds: true,
    });
  });

  it('serves a card again that is counted already, also above a lowered limit', () => {
    expect(open(viewer([limit(1)], [opened('a'), opened('b')]), 'b')).toMatchObject({ decision: 'admitted' });
  });

  it('counts every opening when told to', () => {
    const state = withMonitoring(viewer([limit(2)], [opened('a'), opened('a')]), { counting: 'opens' });
    expect(open(state, 'a')).toMatchObject({ decision: 'refused' });
  });

  it('of nothing refuses the first', () => {
    expect(open(viewer([limit(0)], []), 'a')).toMatchObject({ decision: 'refused' });
  });

  it('on deals leaves contacts free', () => {
    expect(open(viewer([limit(0, { measure: 'deal.opened' })], []), 'a')).toEqual({ decision: 'admitted', limits: [] });
  });

  it('on all cards counts the three kinds together', () => {
    const deal = opened('d', NOW - 1, { measure: 'deal.opened' });
    expect(open(viewer([limit(1, { measure: 'card.opened' })], [deal]), 'a')).toMatchObject({ decision: 'refused' });
  });
});

describe('rolling windows', () => {
  it('leave out what is exactly an hour old', () => {
    expect(open(viewer([limit(1)], [opened('a', NOW - HOUR)]), 'b')).toMatchObject({ decision: 'admitted' });
    expect(open(viewer([limit(1)], [opened('a', NOW - HOUR + 1)]), 'b')).toMatchObject({ decision: 'refused' });
  });

  it('keep what was recorded before the clock was moved back', () => {
    expect(open(viewer([limit(1)], [opened('a', NOW + 5 * HOUR)]), 'b')).toMatchObject({ decision: 'refused' });
  });

  it('do not reach back behind a reactivation', () => {
    expect(open(viewer([limit(1)], [opened('a', NOW - 1, { epoch: 0 })]), 'b')).toMatchObject({ decision: 'admitted' });
  });
});

describe('calendar windows', () => {
  const at = (state: GateState): GateState => withMonitoring(state, { windowing: 'calendar' });

  it('take in the first instant of the hour', () => {
    expect(open(at(viewer([limit(1)], [opened('a', NOW)])), 'b', NOW + 1)).toMatchObject({ decision: 'refused' });
    expect(open(at(viewer([limit(1)], [opened('a', NOW - 1)])), 'b', NOW)).toMatchObject({ decision: 'admitted' });
  });

  it('end with the day of the company', () => {
    const midnight = Date.parse('2026-11-22T21:00:00Z');
    const state = at(viewer([limit(1, { window: 'day' })], [opened('a', midnight - 1)]));
    expect(open(state, 'b', midnight - 1)).toMatchObject({ decision: 'refused' });
    expect(open(state, 'b', midnight)).toMatchObject({ decision: 'admitted' });
  });
});

describe('lists', () => {
  const rows = (count: number) => Array.from({ length: count }, (_, index) => `row-${index}`);

  it('count each row and are refused whole', () => {
    const state = viewer(
      [limit(10, { measure: 'list.rows', action: 'refuse' })],
      [opened('x', NOW - 1, { measure: 'list.rows', amount: 6 })],
    );
    expect(admit(state, { measure: 'list.rows', subjectIds: rows(4), at: NOW })).toMatchObject({ decision: 'admitted' });
    expect(admit(state, { measure: 'list.rows', subjectIds: rows(5), at: NOW })).toMatchObject({
      decision: 'refused',
      holds: false,
    });
  });

  it('without rows are served by any limit', () => {
    const state = viewer([limit(0, { measure: 'list.rows' })], []);
    expect(admit(state, { measure: 'list.rows', subjectIds: [], at: NOW })).toMatchObject({ decision: 'admitted' });
  });
});

describe('scopes', () => {
  it('the narrowest holds, wider or not, and within one the largest maximum', () => {
    const limits = [
      limit(1),
      limit(5, { scope: { roleIds: [ROLE] } }),
      limit(7, { scope: { roleIds: [ROLE] } }),
      limit(3, { scope: { userIds: ['00000000-0000-4000-8000-000000000009'] } }),
    ];
    expect(limitsFor(viewer(limits, []), 'contact.opened').map(({ max }) => max)).toEqual([7]);
  });

  it('an alert and a cut-off live side by side', () => {
    const limits = [limit(30), limit(20, { action: 'alert' })];
    expect(limitsFor(viewer(limits, []), 'contact.opened')).toHaveLength(2);
  });
});

describe('a refusal names', () => {
  it('a cut-off before a refusal, then the smallest maximum', () => {
    const limits = [limit(1, { action: 'refuse' }), limit(3, { window: 'day' }), limit(2)];
    const state = viewer(limits, [opened('a'), opened('b'), opened('c')]);
    expect(open(state, 'd')).toMatchObject({ by: { action: 'deactivate', max: 2 } });
  });
});

describe('who', () => {
  it('is not active gets nothing', () => {
    expect(open(viewer([], [], { status: 'deactivated' }), 'a')).toEqual({ decision: 'inactive' });
  });

  it('is held is refused by the cause, and not held again', () => {
    const heldBy = { measure: 'deal.opened', window: 'day', action: 'deactivate', max: 1, count: 1 } as const;
    expect(open(viewer([], [], { heldBy }), 'a')).toEqual({ decision: 'refused', by: heldBy, holds: false });
  });

  it('is an exempt administrator is served past the limit, and the limit is told', () => {
    const state = viewer([limit(1)], [opened('a')], { isAdmin: true });
    expect(open(state, 'b')).toMatchObject({ decision: 'admitted', limits: [{ max: 1, count: 2, added: 1 }] });
  });

  it('is the last administrator is refused and not held', () => {
    const state = withMonitoring(viewer([limit(0)], [], { isAdmin: true, isLastAdministrator: true }), { exemptAdmins: false });
    expect(open(state, 'a')).toMatchObject({ decision: 'refused', holds: false });
  });

  it('is not watched is served', () => {
    expect(open(withMonitoring(viewer([limit(0)], []), { enabled: false }), 'a')).toEqual({ decision: 'admitted', limits: [] });
  });
});

it('limits are told from four fifths of the maximum on', () => {
  const cards = (count: number) => Array.from({ length: count }, (_, index) => opened(`card-${index}`));
  expect(open(viewer([limit(11)], cards(7)), 'x')).toEqual({ decision: 'admitted', limits: [] });
  expect(open(viewer([limit(11)], cards(8)), 'x')).toMatchObject({ limits: [{ count: 9, added: 1 }] });
});

it('never are more than N distinct cards served in any rolling hour, whatever the order', () => {
  const history = fc.array(fc.record({ card: fc.integer({ min: 0, max: 12 }), wait: fc.integer({ min: 0, max: HOUR / 3 }) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(history, fc.integer({ min: 0, max: 5 }), (steps, max) => {
      const served: CountedDisclosure[] = [];
      let at = NOW;
      for (const { card, wait } of steps) {
        at += wait;
        const state = viewer([limit(max, { action: 'refuse' })], [...served]);
        if (open(state, `card-${card}`, at).decision === 'admitted') served.push(opened(`card-${card}`, at));
        const cards = served.filter((one) => one.at > at - HOUR).map((one) => one.subjectId);
        expect(new Set(cards).size).toBeLessThanOrEqual(max);
      }
    }),
  );
});
