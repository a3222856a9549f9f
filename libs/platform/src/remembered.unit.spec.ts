import fc from 'fast-check';
import { Remembered } from './remembered.js';

const MOST = 5;
const MOST_WEIGHT = 20;
const remembered = (): Remembered<number> =>
  new Remembered<number>({ most: MOST, mostWeight: MOST_WEIGHT, weightOf: (value) => value });

describe('what is remembered', () => {
  it('is there until it is dropped or replaced', () => {
    const values = remembered();
    values.set('a', 3);
    values.set('b', 4);
    values.set('a', 5);
    values.delete('b');
    expect([values.get('a'), values.get('b'), values.size, values.any()]).toEqual([5, undefined, 1, 5]);
  });

  it('begins anew with one too many, and with what is too heavy beside the rest', () => {
    const values = remembered();
    for (const key of ['a', 'b', 'c', 'd', 'e']) values.set(key, 1);
    values.set('f', 1);
    expect([values.size, values.get('f')]).toEqual([1, 1]);
    values.set('g', 15);
    values.set('h', 5);
    expect([values.size, values.get('h')]).toEqual([1, 5]);
  });

  it('never keeps what is too heavy by itself, nor what it replaces', () => {
    const values = remembered();
    values.set('a', 1);
    values.set('b', 2);
    values.set('a', MOST_WEIGHT + 1);
    expect([values.get('a'), values.get('b')]).toEqual([undefined, 2]);
  });

  it('is within both limits after anything, and what it has is what was last said', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
    const act = fc.oneof(fc.tuple(key, fc.integer({ min: 0, max: 25 })), fc.tuple(key, fc.constant(undefined)));
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const values = remembered();
        const said = new Map<string, number>();
        for (const [name, value] of acts) {
          if (value === undefined) values.delete(name);
          else values.set(name, value);
          if (value === undefined) said.delete(name);
          else said.set(name, value);
          const kept = [...said.keys()].filter((each) => values.get(each) !== undefined);
          expect(kept.map((each) => values.get(each))).toEqual(kept.map((each) => said.get(each)));
          expect(kept.length).toBe(values.size);
          expect(kept.length).toBeLessThanOrEqual(MOST);
          expect(kept.reduce((sum, each) => sum + (said.get(each) ?? 0), 0)).toBeLessThanOrEqual(MOST_WEIGHT);
          if (value !== undefined && value <= MOST_WEIGHT) expect(values.get(name)).toBe(value);
        }
      }),
    );
  });
});
