import { DomainError } from '#kernel';

/** Statements of one person at a time in one gateway: his openings wait for one lock anyhow, and must not take every connection. */
const MOST_AT_ONCE = 4;
/** Requests of one person that wait; more are told to come again. */
const MOST_WAITING = 512;

interface Turns {
  active: number;
  waiting: (() => void)[];
}

/** Lets a few requests of each person through at a time, in the order in which they came; persons do not wait for each other. */
export class ViewerTurns {
  readonly #turns = new Map<string, Turns>();

  /** `withinMs`: the longest wait for a turn. */
  constructor(private readonly withinMs: number) {}

  /** Whether it would be this person's turn at once. */
  isFree(userId: string): boolean {
    return (this.#turns.get(userId)?.active ?? 0) < MOST_AT_ONCE;
  }

  /**
   * Runs the work when it is its turn. Throws `dependency-unavailable` when too many of this person wait already, or his turn does not
   * come in time.
   */
  async run<T>(userId: string, work: () => Promise<T>): Promise<T> {
    const turns = this.#turns.get(userId) ?? { active: 0, waiting: [] };
    this.#turns.set(userId, turns);
    if (turns.active < MOST_AT_ONCE) turns.active += 1;
    else if (turns.waiting.length < MOST_WAITING) await this.#turn(turns);
    else throw tooBusy();
    try {
      return await work();
    } finally {
      // A turn is handed on: `active` counts it for the next one.
      const next = turns.waiting.shift();
      if (next !== undefined) next();
      else if ((turns.active -= 1) === 0) this.#turns.delete(userId);
    }
  }

  #turn(turns: Turns): Promise<void> {
    return new Promise((resolve, reject) => {
      const take = (): void => {
        clearTimeout(limit);
        resolve();
      };
      const limit = setTimeout(() => {
        turns.waiting = turns.waiting.filter((each) => each !== take);
        reject(tooBusy());
      }, this.withinMs);
      turns.waiting.push(take);
    });
  }
}

function tooBusy(): DomainError {
  return new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
}
