import fc from 'fast-check';
import { WATCH_PARTITIONS } from '#contracts';
import { partitionShare, shareChange } from './partition-shares.js';

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 9 });

it('each partition is wanted by exactly one of the instances that live, and none has more than one above another', () => {
  fc.assert(
    fc.property(names, (live) => {
      const shares = live.map((instance) => partitionShare(instance, live));
      expect(shares.flat().toSorted((left, right) => left - right)).toEqual(
        Array.from({ length: WATCH_PARTITIONS }, (_, n) => n),
      );
      const sizes = shares.map((share) => share.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

it('an instance that does not see itself yet counts itself in', () => {
  expect(partitionShare('b', ['a'])).toHaveLength(WATCH_PARTITIONS / 2);
});

it('keeps what it still should have and gives the rest', () => {
  expect(shareChange([1, 2, 3], [3, 4, 1])).toEqual({ keep: [1, 3], give: [2] });
});
