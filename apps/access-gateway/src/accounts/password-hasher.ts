import { hash, verify } from '@node-rs/argon2';
import { DomainError } from '#kernel';

/** OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, 2 passes, 1 lane; Argon2id is the package's default algorithm. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** Hashes at a time: they fill the cores and memory, and are what guesses compete for. */
const SLOTS = 2;
const LONGEST_QUEUE = 500;

/**
 * Hashes passwords, two at a time. Whatever decides about a guess (`inTurn`) runs inside a slot, so that guesses sent side by
 * side are judged one after another and a limit on them holds.
 */
export class PasswordHasher {
  #free = SLOTS;
  readonly #waiting: (() => void)[] = [];
  #dummy: Promise<string> | undefined;

  /** Argon2id in PHC form. */
  hash(password: string): Promise<string> {
    return this.inTurn(() => hash(password, COST));
  }

  /** Use inside `inTurn`. Without a stored hash the same work is done on one that nothing fits, so that both take as long. */
  async verify(stored: string | null, password: string): Promise<boolean> {
    const against = stored ?? (await this.#dummyHash());
    const fits = await verify(against, password);
    return fits && stored !== null;
  }

  /** Makes the hash that unknown accounts are measured against; without it the first guess would take longer. */
  async warmUp(): Promise<void> {
    await this.#dummyHash();
  }

  /** Waits for a slot. Throws `dependency-unavailable` when the queue is too long. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else {
      if (this.#waiting.length >= LONGEST_QUEUE) throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #dummyHash(): Promise<string> {
    this.#dummy ??= hash('no password has this hash', COST);
    return this.#dummy;
  }
}
