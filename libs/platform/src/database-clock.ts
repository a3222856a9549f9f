import type pg from 'pg';
import { databaseUnavailable } from './database.js';

const READ_EVERY_MS = 1_000;
/** How fast two clocks may drift apart: a crystal is good for 0.0001, and a clock that is being set right goes 0.0005 faster or slower. */
const MOST_DRIFT = 0.001;

/** Between what bounds the difference of two clocks lies, in milliseconds. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/**
 * What a reading leaves of the bounds. The database's time lay between `sent` and `received` of ours, so a slow answer tells little and
 * spoils nothing. A reading that does not fit what was known means that the database's clock was moved: it alone holds then.
 */
export function narrowed(
  known: Bounds | undefined,
  sinceMs: number,
  read: { sent: number; received: number; told: number },
): Bounds {
  const told = { low: read.told - read.received, high: read.told - read.sent };
  if (known === undefined) return told;
  const drift = sinceMs * MOST_DRIFT;
  const low = Math.max(told.low, known.low - drift);
  const high = Math.min(told.high, known.high + drift);
  return low <= high ? { low, high } : told;
}

/**
 * The database's time without asking for it each time: read once a second, and carried on by the monotonic clock. The clock of the
 * machine has no say in it, however wrong it is. Right to half of the fastest round trip lately, some tenths of a millisecond.
 */
export class DatabaseClock {
  readonly #pool: Pick<pg.Pool, 'query'>;
  #bounds: Bounds | undefined;
  #readAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;

  constructor(pool: Pick<pg.Pool, 'query'>) {
    this.#pool = pool;
  }

  /** Keeps it right from now on. Holds no process up. */
  start(): void {
    this.#timer ??= setInterval(() => void this.read().catch(() => undefined), READ_EVERY_MS).unref();
    void this.read().catch(() => undefined);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads it once. Throws what the database throws; then what was known goes on. */
  async read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const sent = performance.now();
      const { rows } = await this.#pool.query<{ told: number }>(
        'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS told',
      );
      const received = performance.now();
      const told = rows[0]?.told;
      if (told === undefined) return;
      this.#bounds = narrowed(this.#bounds, received - this.#readAt, { sent, received, told });
      this.#readAt = received;
    } finally {
      this.#isReading = false;
    }
  }

  /** Throws `dependency-unavailable` when it was never read. */
  readonly now = (): Date => {
    if (this.#bounds === undefined) throw databaseUnavailable();
    return new Date(performance.now() + (this.#bounds.low + this.#bounds.high) / 2);
  };
}
