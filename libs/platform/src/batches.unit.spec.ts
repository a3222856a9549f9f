import { Batches, type BatchWork } from './batches.js';

/** Work that waits until it is told to go on, and keeps what it was asked. */
class HeldWork {
  readonly alone: string[] = [];
  readonly batches: string[][] = [];
  undecided = new Set<string>();
  failing: unknown;
  #go: (() => void)[] = [];
  readonly work: Batches<string, string>;

  constructor(atOnce?: number) {
    this.work = new Batches<string, string>({ ...this.#work, ...(atOnce === undefined ? {} : { atOnce }) });
  }

  readonly #work: BatchWork<string, string> = {
    alone: async (asked) => {
      this.alone.push(asked);
      await this.#told();
      if (asked === 'bad') throw Object.assign(new Error('bad'), { code: '22023' });
      return `alone ${asked}`;
    },
    together: async (asked) => {
      this.batches.push([...asked]);
      await this.#told();
      if (asked.includes('bad')) throw Object.assign(new Error('a row is bad'), { code: '22023' });
      if (this.failing !== undefined) throw this.failing;
      return asked.map((one) => (this.undecided.has(one) ? undefined : `together ${one}`));
    },
    statementOf: (asked) => (asked.startsWith('deal') ? 'deal' : 'other'),
  };

  #told(): Promise<void> {
    return new Promise((resolve) => this.#go.push(resolve));
  }

  /** Lets all that is on its way end, again and again, until nothing is. */
  async run(): Promise<void> {
    for (let turns = 0; turns < 20; turns += 1) {
      await this.turn();
      this.release();
    }
  }

  release(): void {
    for (const go of this.#go.splice(0)) go();
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
}

const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `ask ${n}`);

describe('requests that come while others are on their way', () => {
  it('go alone when nobody is there, and together when somebody is', async () => {
    const held = new HeldWork();
    const first = held.work.ask('first');
    await held.turn();
    const next = [held.work.ask('second'), held.work.ask('third')];
    await held.turn();
    expect([held.alone, held.batches]).toEqual([['first'], [['second', 'third']]]);
    await held.run();
    expect(await Promise.all([first, ...next])).toEqual(['alone first', 'together second', 'together third']);
  });

  it('are one batch at a time where that was asked for, of all that waits', async () => {
    const held = new HeldWork(1);
    const answers = Promise.all(many(20).map((one) => held.work.ask(one)));
    await held.turn();
    expect(held.batches.map(({ length }) => length)).toEqual([20]);
    const later = Promise.all(many(30).map((one) => held.work.ask(one)));
    await held.turn();
    expect(held.batches).toHaveLength(1);
    await held.run();
    expect([...(await answers), ...(await later)]).toEqual([...many(20), ...many(30)].map((one) => `together ${one}`));
    expect(held.batches.map(({ length }) => length)).toEqual([20, 30]);
  });

  it('do not wait for a batch that is late, and no more than one goes beside it', async () => {
    const held = new HeldWork(1);
    const answers: Promise<unknown>[] = [];
    const ask = (): void => void answers.push(...many(2).map((one) => held.work.ask(one)));
    ask();
    await held.turn();
    ask();
    for (let turns = 0; turns < 1_000_000 && held.batches.length < 2; turns += 1) await held.turn();
    expect(held.batches).toHaveLength(2);
    ask();
    await held.turn();
    expect(held.batches).toHaveLength(2);
    await held.run();
    expect((await Promise.all(answers)).length).toBe(6);
  });

  it('are two batches at a time at most, and what comes meanwhile is the next', async () => {
    const held = new HeldWork();
    const answers = Promise.all(many(20).map((one) => held.work.ask(one)));
    await held.turn();
    expect(held.batches.map(({ length }) => length)).toEqual([10, 10]);
    const later = Promise.all(many(30).map((one) => held.work.ask(one)));
    await held.turn();
    expect(held.batches).toHaveLength(2);
    await held.run();
    expect((await answers)[19]).toBe('together ask 19');
    expect(await later).toHaveLength(30);
  });

  it('are no more than 64 in one', async () => {
    const held = new HeldWork();
    const answers = Promise.all(many(400).map((one) => held.work.ask(one)));
    await held.run();
    expect(await answers).toHaveLength(400);
    expect(Math.max(...held.batches.map(({ length }) => length))).toBe(64);
  });

  it('go with those of their statement', async () => {
    const held = new HeldWork();
    const answers = Promise.all(['deal 1', 'a', 'deal 2', 'b'].map((one) => held.work.ask(one)));
    await held.run();
    expect(held.batches).toEqual([
      ['deal 1', 'deal 2'],
      ['a', 'b'],
    ]);
    expect(await answers).toEqual(['together deal 1', 'together a', 'together deal 2', 'together b']);
  });
});

describe('who cannot go along', () => {
  it('goes alone when he is left undecided, while the next batch is on its way', async () => {
    const held = new HeldWork();
    held.undecided = new Set(['b']);
    const answers = Promise.all(['a', 'b'].map((one) => held.work.ask(one)));
    await held.run();
    expect(await answers).toEqual(['together a', 'alone b']);
  });

  it('brings nobody down: each goes alone, and has his own error', async () => {
    const held = new HeldWork();
    const outcomes = Promise.allSettled(['a', 'bad', 'c'].map((one) => held.work.ask(one)));
    await held.run();
    expect((await outcomes).map((one) => (one.status === 'fulfilled' ? one.value : 'refused'))).toEqual([
      'alone a',
      'refused',
      'alone c',
    ]);
  });

  it('is told when nobody knows what became of the batch', async () => {
    const held = new HeldWork();
    held.failing = new Error('Connection terminated unexpectedly');
    const outcomes = Promise.allSettled(['a', 'b'].map((one) => held.work.ask(one)));
    await held.run();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(held.alone).toEqual([]);
  });

  it('refuses what is not answered in time, and never sends what had not left', async () => {
    const batches: string[][] = [];
    const stuck = new Promise<string[]>(() => undefined);
    const work = new Batches<string, string>({
      alone: async ([asked = '']) => (await stuck)[0] ?? asked,
      together: (asked) => {
        batches.push([...asked]);
        return stuck;
      },
      withinMs: 30,
    });
    const asked = Array.from({ length: 16 }, (_, n) => work.ask(`asked ${n}`));
    await new Promise((resolve) => setImmediate(resolve));
    const late = work.ask('late');
    for (const answer of [...asked, late]) await expect(answer).rejects.toMatchObject({ code: 'dependency-unavailable' });
    expect(batches.flat()).not.toContain('late');
  });
});
