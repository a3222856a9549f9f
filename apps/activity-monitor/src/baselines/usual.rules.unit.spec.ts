import fc from 'fast-check';
import { tallyOf, usualMax, usualOf } from './usual.rules.js';

const counts = fc.array(fc.nat(200), { minLength: 1, maxLength: 60 });
const outside = { deviations: 6, least: 20, share: 0, pulse: 1, days: 1 };

/** The middle of a sorted list. */
function middle(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) / 2;
}

describe('the usual of days', () => {
  it('is the median, the median absolute deviation and what was reached twice, as of a sorted list', () => {
    fc.assert(
      fc.property(counts, (days) => {
        const median = middle(days);
        expect(usualOf(tallyOf(days))).toEqual({
          median,
          deviation: middle(days.map((count) => Math.abs(count - median))),
          days: days.length,
          reachedTwice: days.toSorted((left, right) => right - left)[1] ?? 0,
        });
      }),
    );
  });

  it('of no days is nothing', () => {
    expect(usualOf(tallyOf([]))).toEqual({ median: 0, deviation: 0, days: 0, reachedTwice: 0 });
  });
});

describe('what is still usual', () => {
  it.each([
    ['median and six deviations', [20, 26, 32], {}, 62],
    ['at least 20', [2, 3, 4], {}, 20],
    ['a share of the median for a deviation too small', [99, 100, 101], { share: 0.25 }, 250],
    ['what counting alone scatters, where that is more', [99, 100, 101], {}, 100 + 6 * 6.745],
    ['twice what was reached twice, where most days are alike', [0, 0, 0, 0, 0, 80, 90], {}, 160],
    ['not twice what came once', [0, 0, 0, 0, 0, 0, 90], {}, 20],
    ['more, when the company is busier', [20, 26, 32], { pulse: 1.5 }, 93],
    ['of four days: four medians, and twice the deviations of one', [20, 26, 32], { days: 4 }, 4 * 26 + 2 * 36],
  ])('%s', (_, days, change, expected) => {
    expect(usualMax(usualOf(tallyOf(days)), { ...outside, ...change })).toBeCloseTo(expected, 1);
  });

  it('never falls below the median, rises with the pulse, and with the deviations', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 14 }), fc.double({ min: 1, max: 3, noNaN: true }), (days, span, pulse) => {
        const usual = usualOf(tallyOf(days));
        const plain = usualMax(usual, { ...outside, days: span });
        expect(plain).toBeGreaterThanOrEqual(Math.max(20, span * usual.median));
        expect(usualMax(usual, { ...outside, days: span, pulse })).toBeGreaterThanOrEqual(plain);
        expect(usualMax(usual, { ...outside, days: span, deviations: 8 })).toBeGreaterThanOrEqual(plain);
      }),
    );
  });
});
