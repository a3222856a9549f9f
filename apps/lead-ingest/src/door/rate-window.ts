/** More counters than this share one, so that a flood of addresses costs no memory; it can only refuse too early. */
const MAX_COUNTERS = 50_000;
const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/**
 * At most `limit` in any window of time per key, as a sliding window of two calendar counters: the last window's count fades out while
 * this one's grows. Exact while the last window was empty; otherwise it takes the last one as evenly spread.
 */
export class RateWindow {
  #window = 0;
  #current = new Map<string, number>();
  #previous = new Map<string, number>();

  /** `windowMs`: how long a window is, a minute unless told. `now` in milliseconds of a clock that only goes forward. */
  constructor(
    private readonly limit: number,
    private readonly now: () => number = () => performance.now(),
    private readonly windowMs = MINUTE_MS,
  ) {}

  /** Counts one and returns 0, or counts nothing and returns the whole seconds after which to try again. */
  take(key: string, limit = this.limit): number {
    const elapsed = this.#turn();
    const counter = this.#current.has(key) || this.#current.size < MAX_COUNTERS ? key : '';
    const current = this.#current.get(counter) ?? 0;
    const previous = this.#previous.get(counter) ?? 0;
    const faded = previous * (1 - elapsed / this.windowMs);
    if (current + faded + 1 <= limit) {
      this.#current.set(counter, current + 1);
      return 0;
    }
    const isThisWindow = current + 1 <= limit;
    const admitAt = isThisWindow ? this.#fadeMs(previous, limit - current - 1) : this.windowMs + this.#fadeMs(current, limit - 1);
    return Math.max(1, Math.ceil((admitAt - elapsed) / 1_000));
  }

  /** Moves the window on; returns the milliseconds since the calendar window began. */
  #turn(): number {
    const now = this.now();
    const window = Math.floor(now / this.windowMs);
    if (window !== this.#window) {
      this.#previous = window === this.#window + 1 ? this.#current : new Map<string, number>();
      this.#current = new Map();
      this.#window = window;
    }
    return now - window * this.windowMs;
  }

  /** When in its window the faded count of the last one comes down to `room`; a limit of 0 has no such time. */
  #fadeMs(previous: number, room: number): number {
    return previous <= 0 ? this.windowMs : this.windowMs * (1 - room / previous);
  }
}
