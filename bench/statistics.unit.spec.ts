import fc from 'fast-check';
import { median, percentile, ratio, summarise } from './statistics.js';

const figures = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 60 });

describe('median', () => {
  it('is the middle one, or the mean of the two in the middle', () => {
    expect(median([3])).toBe(3);
    expect(median([10, 2, 9])).toBe(9);
    expect(median([100, 9, 10, 1])).toBe(9.5);
  });

  it('has as many values on one side as on the other', () => {
    fc.assert(
      fc.property(figures, (values) => {
        const middle = median(values);
        const below = values.filter((value) => value < middle).length;
        const above = values.filter((value) => value > middle).length;
        expect(below).toBeLessThanOrEqual(values.length / 2);
        expect(above).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  it('refuses what holds no figure', () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => median([1, Number.NaN])).toThrow(RangeError);
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it('is the nearest rank', () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.01)).toBe(7);
    expect(percentile([1, 2, 3], 0.99)).toBe(3);
  });

  it('is a value that was measured, and enough values are no larger', () => {
    fc.assert(
      fc.property(figures, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, share) => {
        const found = percentile(values, share);
        expect(values).toContain(found);
        expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(share * values.length);
        expect(values.filter((value) => value < found).length).toBeLessThan(share * values.length);
      }),
    );
  });

  it('refuses a share that is none', () => {
    for (const share of [0, 1.1, -1, Number.NaN]) expect(() => percentile(hundred, share)).toThrow(RangeError);
  });
});

describe('ratio', () => {
  it('is of the medians, whatever the extremes are', () => {
    expect(ratio(summarise([1, 50, 1000]), summarise([100, 99, 5000]))).toBe(0.5);
    expect(summarise([9, 10, 1])).toEqual({ median: 9, min: 1, max: 10 });
  });

  it('does not divide by nothing', () => {
    expect(() => ratio(summarise([1]), summarise([0]))).toThrow(RangeError);
  });

  it('changes nothing in what it is given', () => {
    const values = [3, 1, 2];
    summarise(values);
    expect(values).toEqual([3, 1, 2]);
  });
});
