import fc from 'fast-check';
import { FIRST_SECURITY_SETTINGS, limitSchema, type LimitWindow, type WrittenMeasure } from '#contracts';
import { limitsFor } from '../gate/gate.rules.js';
import { suggestionsFrom, type Peak } from './suggestion.rules.js';

const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`);
const ROLES = ids(3);
const PEOPLE = ids(20);
const peak = (userId: string, max: number, window: LimitWindow = 'day'): Peak => ({
  userId,
  measure: 'contact.opened',
  window,
  max,
});

describe('suggested limits', () => {
  it('all at once, would have cut off nobody', () => {
    const person = fc.record({ roles: fc.subarray(ROLES), peaks: fc.array(fc.nat(400), { minLength: 2, maxLength: 2 }) });
    fc.assert(
      fc.property(fc.array(person, { minLength: 1, maxLength: PEOPLE.length }), (drawn) => {
        const people = drawn.map(({ roles }, index) => ({ userId: PEOPLE[index] ?? '', roleIds: roles }));
        const peaks = drawn.flatMap(({ peaks: [ofHour = 0, ofDay = 0] }, index) => [
          peak(PEOPLE[index] ?? '', ofHour, 'hour'),
          peak(PEOPLE[index] ?? '', ofDay, 'day'),
        ]);
        const limits = suggestionsFrom(peaks, people, 28).map(({ limit }) => limitSchema.parse(limit));
        const monitoring = { ...FIRST_SECURITY_SETTINGS.activityMonitoring, limits };
        for (const { userId, window, max, measure } of peaks) {
          const roleIds = people.find((one) => one.userId === userId)?.roleIds ?? [];
          const holding = limitsFor({ userId, roleIds, monitoring }, measure as WrittenMeasure).find(
            (limit) => limit.window === window,
          );
          if (max > 0) expect(holding?.max).toBeGreaterThan(max);
        }
      }),
    );
  });

  it('have a quarter of headroom, and 5 at least', () => {
    const max = (seen: number): number | undefined => suggestionsFrom([peak(PEOPLE[0] ?? '', seen)], [], 28)[0]?.limit.max;
    expect([max(100), max(101), max(3), max(1_000_000)]).toEqual([125, 127, 8, 1_000_000]);
    expect(max(0)).toBeUndefined();
  });

  it('are for a role where three of its people stay below half of what everyone had', () => {
    const people = PEOPLE.slice(0, 6).map((userId, index) => ({ userId, roleIds: [ROLES[index < 3 ? 0 : 1] ?? ''] }));
    const scopes = (quiet: number, count: number) =>
      suggestionsFrom(
        people.slice(3 - count).map(({ userId, roleIds }) => peak(userId, roleIds[0] === ROLES[0] ? quiet : 100)),
        people,
        28,
      ).map(({ limit }) => [limit.scope, limit.max]);
    expect(scopes(40, 3)).toEqual([
      [{ everyone: true }, 125],
      [{ roleIds: [ROLES[0]] }, 50],
    ]);
    expect(scopes(51, 3)).toEqual([[{ everyone: true }, 125]]);
    expect(scopes(40, 2)).toEqual([[{ everyone: true }, 125]]);
  });

  it('say who had the most, and whether he stands out', () => {
    const [first = '', second = '', third = ''] = PEOPLE;
    const suggest = (most: number) => suggestionsFrom([peak(first, 40), peak(second, most), peak(third, 20)], [], 28)[0];
    expect(suggest(81)).toMatchObject({ seen: { max: 81, userId: second, nextMax: 40, median: 40, people: 3 }, standsOut: true });
    expect(suggest(80)?.standsOut).toBe(false);
    expect(suggest(80)?.message).toContain('would have cut off nobody in 28 days: the most was 80');
  });
});
