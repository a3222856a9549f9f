import { DomainError } from '#kernel';
import { AppendBatches, type QueuedAppend } from './append-batches.js';

interface Named extends QueuedAppend {
  readonly name: string;
}
const append = (name: string, ...locks: string[]): Named => ({ name, locks, size: 1 });

/** A writer that keeps what it was given; a batch with one that is bad is taken back whole. */
function recorded(bad: ReadonlyMap<string, unknown>, atOnce = 1) {
  const [batches, alone]: [string[][], string[]] = [[], []];
  const queue = new AppendBatches<Named>(
    {
      alone: ({ name }) => {
        alone.push(name);
        return bad.has(name) ? Promise.reject(bad.get(name) as Error) : Promise.resolve();
      },
      together: async (appends) => {
        batches.push(appends.map(({ name }) => name));
        await new Promise((resolve) => setImmediate(resolve));
        for (const { name } of appends) if (bad.has(name)) throw bad.get(name);
        return new Set();
      },
    },
    atOnce,
  );
  const answers = async (appends: readonly Named[]): Promise<string[]> =>
    (await Promise.allSettled(appends.map((each) => queue.append(each)))).map(({ status }) => status);
  return { batches, alone, answers };
}

describe('appends that wait for one another', () => {
  it('hold each lock once in a batch, and keep the order of those who share one', async () => {
    const { batches, alone, answers } = recorded(new Map());
    const asked = [append('a1', 'a'), append('a2', 'a', 'b'), append('b1', 'b'), append('c1', 'c'), append('a3', 'a')];
    expect(await answers(asked)).toEqual(asked.map(() => 'fulfilled'));
    // b1 came behind a2, which waits for a1.
    expect([batches, alone]).toEqual([[['a1', 'c1'], ['a2'], ['b1', 'a3']], []]);
  });

  it.each([
    ['a conflict', new DomainError('version-conflict')],
    ['a row that does not go in', Object.assign(new Error(), { code: '23505' })],
    ['what a function of ours raised', Object.assign(new Error(), { code: 'PA070' })],
    ['a deadlock', Object.assign(new Error(), { code: '40P01' })],
  ])('go alone when their batch was taken back for %s', async (_, error) => {
    const { batches, alone, answers } = recorded(new Map([['bad', error]]));
    expect(await answers([append('x', 'x'), append('bad', 'y'), append('z', 'z')])).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect([batches, alone]).toEqual([[['x', 'bad', 'z']], ['x', 'bad', 'z']]);
  });

  it('are all told when nobody knows what became of them, and are not sent again', async () => {
    const { batches, alone, answers } = recorded(new Map([['bad', new Error('the connection broke')]]));
    expect(await answers([append('x', 'x'), append('bad', 'y')])).toEqual(['rejected', 'rejected']);
    expect([batches, alone]).toEqual([[['x', 'bad']], []]);
  });

  it('are so many at a time', async () => {
    const { batches, answers } = recorded(new Map());
    const asked = Array.from({ length: 100 }, (_, n) => append(`a${n}`, `${n}`));
    await answers(asked);
    expect(batches.map(({ length }) => length)).toEqual([64, 36]);
  });
});
