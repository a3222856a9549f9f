import fc from 'fast-check';
import type { Statement } from './events.js';
import { mergedStatements } from './shared-append.js';

/** A statement of so-and-so: its owner and place, and a text that is shared by those of one kind. */
const statement = (owner: number, place: number, kind: 'a' | 'b' | null): Statement => ({
  text: kind ?? 'alone',
  values: [`${owner}.${place}`],
  ...(kind === null ? {} : { shared: { name: `many-${kind}`, text: `many ${kind}`, rows: [[owner, place]] } }),
});

/** What a merged statement does: the owner and place of each of its rows, or of the statement itself. */
const doneBy = ({ values }: Statement): readonly string[] => {
  const [owners, places] = values as [readonly number[] | string, readonly number[]];
  return typeof owners === 'string' ? [owners] : owners.map((owner, index) => `${owner}.${places[index]}`);
};

describe('the statements of several appends', () => {
  it('are one where they insert the same', () => {
    const lists = [0, 1, 2].map((owner) => [statement(owner, 0, 'a'), statement(owner, 1, 'b'), statement(owner, 2, 'b')]);
    const merged = mergedStatements(lists);
    expect(merged.map(({ text, name }) => [text, name])).toEqual([
      ['many a', 'many-a'],
      ['many b', 'many-b'],
    ]);
    expect(merged.map(({ values }) => values)).toEqual([
      [
        [0, 1, 2],
        [0, 0, 0],
      ],
      [
        [0, 0, 1, 1, 2, 2],
        [1, 2, 1, 2, 1, 2],
      ],
    ]);
  });

  it('are each done once, those of one append in their order, whatever they are', () => {
    const kinds = fc.array(fc.constantFrom('a' as const, 'b' as const, null), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(kinds, { maxLength: 6 }), (given) => {
        const lists = given.map((own, owner) => own.map((kind, place) => statement(owner, place, kind)));
        const done = mergedStatements(lists).flatMap(doneBy);
        for (const [owner, own] of given.entries())
          expect(done.filter((one) => one.startsWith(`${owner}.`))).toEqual(own.map((_, place) => `${owner}.${place}`));
        expect(done).toHaveLength(given.flat().length);
      }),
    );
  });
});
