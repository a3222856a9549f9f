import { ViewerTurns } from './viewer-turns.js';

/** Work that ends when it is told to. */
function gate(): { work: () => Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { work: () => opened, open };
}

describe('turns of viewers', () => {
  it('lets four of one person through at a time, in order, and others beside them', async () => {
    const turns = new ViewerTurns(1_000);
    const begun: number[] = [];
    const gates = Array.from({ length: 10 }, gate);
    const runs = gates.map(({ work }, n) =>
      turns.run('a', () => {
        begun.push(n);
        return work();
      }),
    );
    await Promise.resolve();
    expect(begun).toEqual([0, 1, 2, 3]);
    await expect(turns.run('b', () => Promise.resolve('other'))).resolves.toBe('other');
    for (const { open } of gates) open();
    await Promise.all(runs);
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('hands the turn on when the work fails', async () => {
    const turns = new ViewerTurns(1_000);
    const failing = Array.from({ length: 8 }, () => turns.run('a', () => Promise.reject(new Error('no'))));
    expect((await Promise.allSettled(failing)).every(({ status }) => status === 'rejected')).toBe(true);
    await expect(turns.run('a', () => Promise.resolve(1))).resolves.toBe(1);
  });

  it('refuses what would wait behind too many', async () => {
    const turns = new ViewerTurns(1_000);
    const { work, open } = gate();
    const held = Array.from({ length: 4 + 512 }, () => turns.run('a', work));
    await expect(turns.run('a', work)).rejects.toMatchObject({ code: 'dependency-unavailable' });
    open();
    await Promise.all(held);
  });

  it('refuses whose turn does not come in time, and does not do his work later', async () => {
    const turns = new ViewerTurns(20);
    const { work, open } = gate();
    const held = Array.from({ length: 4 }, () => turns.run('a', work));
    let wasDone = false;
    const late = turns.run('a', () => Promise.resolve((wasDone = true)));
    await expect(late).rejects.toMatchObject({ code: 'dependency-unavailable' });
    open();
    await Promise.all(held);
    expect(wasDone).toBe(false);
    await expect(turns.run('a', () => Promise.resolve(1))).resolves.toBe(1);
  });
});
