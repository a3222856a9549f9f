import fc from 'fast-check';
import { DateTime } from 'luxon';
import { calendarWindowStart, zoneOf } from './calendar-window.js';
import { instantsOf, WINDOW_CHAINS } from './special-days.fixture.js';
import { SPECIAL_ZONES } from './special-zones.fixture.js';

const start = (window: 'hour' | 'day', zone: string, at: string): string =>
  new Date(calendarWindowStart(window, zoneOf(zone), Date.parse(at))).toISOString();

/** Transition times from the tz database's source files (africa, southamerica, northamerica, europe, australasia), worked out by hand. */
describe('the day in a zone', () => {
  it.each([
    ['Cairo skips midnight', 'Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-23T22:00:00.000Z'],
    ['Cairo has 23:00 twice', 'Africa/Cairo', '2026-10-29T21:30:00Z', '2026-10-28T21:00:00.000Z'],
    ['Cairo, the day after 23:00 came twice', 'Africa/Cairo', '2026-10-29T22:00:00Z', '2026-10-29T22:00:00.000Z'],
    ['Santiago skips midnight', 'America/Santiago', '2026-09-06T20:00:00Z', '2026-09-06T04:00:00.000Z'],
    ['Santiago has 23:00 twice', 'America/Santiago', '2026-04-05T03:59:59Z', '2026-04-04T03:00:00.000Z'],
    ['Havana skips midnight', 'America/Havana', '2026-03-08T05:00:00Z', '2026-03-08T05:00:00.000Z'],
    ['Havana has midnight twice: the first', 'America/Havana', '2026-11-01T04:30:00Z', '2026-11-01T04:00:00.000Z'],
    ['Havana has midnight twice: after the second', 'America/Havana', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00.000Z'],
    ['Azores skip midnight', 'Atlantic/Azores', '2026-03-29T01:00:00Z', '2026-03-29T01:00:00.000Z'],
    ['Azores have midnight twice', 'Atlantic/Azores', '2026-10-25T23:00:00Z', '2026-10-25T00:00:00.000Z'],
    ['Moscow in 2014, 25 hours', 'Europe/Moscow', '2014-10-26T12:00:00Z', '2014-10-25T20:00:00.000Z'],
    ['New York, 23 hours', 'America/New_York', '2026-03-08T20:00:00Z', '2026-03-08T05:00:00.000Z'],
    ['New York, 25 hours', 'America/New_York', '2026-11-02T04:59:59.999Z', '2026-11-01T04:00:00.000Z'],
    ['Kolkata, half an hour', 'Asia/Kolkata', '2026-06-01T18:29:59.999Z', '2026-05-31T18:30:00.000Z'],
  ])('%s', (_, zone, at, expected) => {
    expect(start('day', zone, at)).toBe(expected);
  });
});

describe('the clock hour in a zone', () => {
  it.each([
    ['Kolkata, half an hour', 'Asia/Kolkata', '2026-06-01T18:29:59.999Z', '2026-06-01T17:30:00.000Z'],
    ['New York, 1:00 the first time', 'America/New_York', '2026-11-01T05:30:00Z', '2026-11-01T05:00:00.000Z'],
    ['New York, 1:00 the second time', 'America/New_York', '2026-11-01T06:30:00Z', '2026-11-01T06:00:00.000Z'],
    ['Lord Howe, before half an hour comes again', 'Australia/Lord_Howe', '2026-04-04T14:50:00Z', '2026-04-04T14:00:00.000Z'],
    ['Lord Howe, half an hour again', 'Australia/Lord_Howe', '2026-04-04T15:10:00Z', '2026-04-04T15:00:00.000Z'],
  ])('%s', (_, zone, at, expected) => {
    expect(start('hour', zone, at)).toBe(expected);
  });
});

it.each(WINDOW_CHAINS.map((chain) => [chain.what, chain] as const))('windows to the millisecond: %s', (_, chain) => {
  const zone = zoneOf(chain.zone);
  for (const { at, start: expected } of instantsOf(chain))
    expect([new Date(at), new Date(calendarWindowStart(chain.window, zone, at))]).toEqual([new Date(at), new Date(expected)]);
});

describe('any zone, any instant of 2014 to 2030', () => {
  const zones = fc.constantFrom(...SPECIAL_ZONES.map(({ zone }) => zone));
  const instants = fc.integer({ min: Date.parse('2014-01-01T00:00:00Z'), max: Date.parse('2030-12-31T00:00:00Z') });
  const nearChanges = fc.constantFrom(...SPECIAL_ZONES.flatMap(({ changes }) => changes)).map((text) => Date.parse(text));
  const near = fc.tuple(nearChanges, fc.integer({ min: -180_000_000, max: 180_000_000 })).map(([change, by]) => change + by);
  const dateOf = (at: number, zone: string): string => DateTime.fromMillis(at, { zone }).toISODate() ?? '';

  it('the day begins with the first instant of its date', () => {
    fc.assert(
      fc.property(zones, fc.oneof(instants, near), (zone, at) => {
        const first = calendarWindowStart('day', zoneOf(zone), at);
        expect(first).toBeLessThanOrEqual(at);
        expect(dateOf(first, zone)).toBe(dateOf(at, zone));
        expect(dateOf(first - 1, zone) < dateOf(at, zone)).toBe(true);
        // And no earlier instant has the date: tried at each quarter of an hour of the day before.
        for (let step = 1; step <= 104; step += 1) expect(dateOf(first - step * 900_000, zone)).not.toBe(dateOf(at, zone));
      }),
      { numRuns: 200 },
    );
  });

  it('a clock hour has one offset and one hour on the clock, and is not longer than an hour', () => {
    fc.assert(
      fc.property(zones, fc.oneof(instants, near), (zone, at) => {
        const first = calendarWindowStart('hour', zoneOf(zone), at);
        const [there, here] = [DateTime.fromMillis(first, { zone }), DateTime.fromMillis(at, { zone })];
        expect(at - first).toBeLessThan(3_600_000);
        expect([there.offset, there.hour]).toEqual([here.offset, here.hour]);
        const before = DateTime.fromMillis(first - 1, { zone });
        expect(before.offset === here.offset && before.hour === here.hour).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

it('an unknown zone is refused without being named', () => {
  expect(() => zoneOf('Nowhere/Atall')).toThrow(new RangeError('the time zone is not known'));
});
