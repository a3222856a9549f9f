import type { ReachedLimit, WatchEvent } from '#contracts';
import { limitAlarms, type RaisedLimit } from './limit-alarm.rules.js';

const ROLLING = { timeZone: 'Europe/Moscow', monitoring: { windowing: 'rolling' } } as const;

const limit = (count: number, change: Partial<ReachedLimit> = {}): ReachedLimit => ({
  measure: 'contact.opened',
  window: 'hour',
  action: 'alert',
  max: 10,
  count,
  added: 1,
  ...change,
});

const event = (limits: readonly ReachedLimit[], change: Partial<WatchEvent> = {}): WatchEvent => ({
  id: '00000000-0000-7000-8000-000000000001',
  type: 'card.viewed',
  at: '2026-11-23T12:00:00.000001Z',
  userId: '00000000-0000-4000-8000-000000000002',
  isAdmin: false,
  epoch: 1,
  measure: 'contact.opened',
  kind: 'card',
  subjectType: 'contact',
  subjectIds: [],
  namedContactIds: [],
  masked: true,
  sessionId: null,
  tokenId: null,
  ip: null,
  limits: [...limits],
  refusedBy: null,
  held: false,
  ...change,
});

/** The alarms of counts one after another, as `type count`. */
const told = (...limits: readonly (ReachedLimit | undefined)[]): string[] => {
  let raised: readonly RaisedLimit[] = [];
  return limits.flatMap((one) => {
    const outcome = limitAlarms(event(one === undefined ? [] : [one]), raised, ROLLING);
    raised = outcome.raised;
    return outcome.drafts.map(({ alarm }) => `${alarm.type} ${alarm.count}`);
  });
};

it('approached from four fifths on, exceeded past the maximum, each once', () => {
  expect(told(limit(8), limit(9), limit(10), limit(11), limit(12))).toEqual(['limit.approached 8', 'limit.exceeded 11']);
});

it('again after the count fell below: seen by an event that does not reach it', () => {
  expect(told(limit(8), undefined, limit(8))).toEqual(['limit.approached 8', 'limit.approached 8']);
});

it('again after the count fell below unseen, before one list that reaches it at once', () => {
  expect(told(limit(9), limit(9, { added: 5 }))).toEqual(['limit.approached 9', 'limit.approached 9']);
});

it('a card opened again below nothing changes nothing', () => {
  expect(told(limit(8), limit(8, { added: 0 }))).toEqual(['limit.approached 8']);
});

it('again under another maximum', () => {
  expect(told(limit(9), limit(10, { max: 11 }))).toEqual(['limit.approached 9', 'limit.approached 10']);
});

it('a maximum below 2 is never approached', () => {
  expect(told(limit(1, { max: 1 }), limit(2, { max: 1 }))).toEqual(['limit.exceeded 2']);
});

it('a refusing limit is exceeded by an exempt administrator alone', () => {
  const past = limit(11, { action: 'deactivate' });
  const types = (isAdmin: boolean) => limitAlarms(event([past], { isAdmin }), [], ROLLING).drafts.map(({ alarm }) => alarm.type);
  expect(types(false)).toEqual(['limit.approached']);
  expect(types(true)).toEqual(['limit.approached', 'limit.exceeded']);
});

it('what is raised about other measures stays', () => {
  const other: RaisedLimit = { measure: 'list.rows', window: 'day', action: 'alert', type: 'limit.approached', max: 5 };
  expect(limitAlarms(event([]), [other], ROLLING).raised).toEqual([other]);
});

it.each([
  ['rolling', 'America/New_York', 'day', '2026-11-02T04:59:59.999Z', '2026-11-01T04:59:59.999Z'],
  ['rolling', 'America/New_York', 'hour', '2026-11-01T06:20:00.000Z', '2026-11-01T05:20:00.000Z'],
  ['calendar', 'America/New_York', 'day', '2026-11-02T04:59:59.999Z', '2026-11-01T04:00:00.000Z'],
  ['calendar', 'Europe/Moscow', 'day', '2014-10-26T20:59:59.999Z', '2014-10-25T20:00:00.000Z'],
  ['calendar', 'America/Havana', 'day', '2026-11-02T04:30:00.000Z', '2026-11-01T04:00:00.000Z'],
  ['calendar', 'Africa/Cairo', 'day', '2026-04-24T20:59:59.999Z', '2026-04-23T22:00:00.000Z'],
  ['calendar', 'America/New_York', 'hour', '2026-11-01T06:20:00.000Z', '2026-11-01T06:00:00.000Z'],
] as const)('links to the ledger of its window: %s, %s, a %s to %s', (windowing, timeZone, window, at, from) => {
  const { drafts } = limitAlarms(event([limit(11, { window })], { at }), [], { timeZone, monitoring: { windowing } });
  const { searchParams } = new URL(drafts[0]?.alarm.exposure ?? '', 'http://gateway');
  expect([searchParams.get('from'), Date.parse(searchParams.get('to') ?? '') - Date.parse(at)]).toEqual([from, 1]);
});
