import { hash, verify } from '@node-rs/argon2';
import { DomainError } from '#kernel';

/** OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, 2 passes, 1 lane; Argon2id is the package's default algorithm. */
export const PASSWORD_COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** Hashes at a time: they fill the cores and memory, and are what guesses compete for. */
const SLOTS = 2;
const LONGEST_QUEUE = 500;
/** Of these at most so many from one address: a flood from one place leaves room for the others. */
const MOST_OF_ONE_ADDRESS = 100;

/**
 * Hashes passwords, two at a time: a flood of them takes no more memory and no more cores than that. Whatever decides about a
 * guess runs inside a slot too (`inTurn`).
 */
export class PasswordHasher {
  #free = SLOTS;
  readonly #waiting: (() => void)[] = [];
  readonly #fromAddress = new Map<string, number>();
  #dummy: Promise<string> | undefined;

  /** Argon2id in PHC form. */
  hash(password: string): Promise<string> {
    return this.#inSlot(() => hash(password, PASSWORD_COST));
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

  /** Waits for a slot. Throws `dependency-unavailable` when too many wait, in all or from this address. */
  async inTurn<T>(address: string, work: () => Promise<T>): Promise<T> {
    const waiting = this.#fromAddress.get(address) ?? 0;
    if (waiting >= MOST_OF_ONE_ADDRESS) throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
    this.#fromAddress.set(address, waiting + 1);
    try {
      return await this.#inSlot(work);
    } finally {
      const left = (this.#fromAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#fromAddress.delete(address);
      else this.#fromAddress.set(address, left);
    }
  }

  async #inSlot<T>(work: () => Promise<T>): Promise<T> {
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
    this.#dummy ??= hash('no password has this hash', PASSWORD_COST);
    return this.#dummy;
  }
}
