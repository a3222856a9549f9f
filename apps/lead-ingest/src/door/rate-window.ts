/** More counters than this share one, so that a flood of addresses costs no memory; it can only refuse too early. */
const MAX_COUNTERS = 50_000;
const MINUTE_MS = 60_000;

/**
 * At most `perMinute` in any minute per key, as a sliding window of two calendar counters: the last minute's count fades out while
 * this one's grows. Exact while the last minute was empty; otherwise it takes the last minute as evenly spread.
 */
export class RateWindow {
  #minute = 0;
  #current = new Map<string, number>();
  #previous = new Map<string, number>();

  /** `now` in milliseconds of a clock that only goes forward. */
  constructor(
    private readonly perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Counts one and returns 0, or counts nothing and returns the whole seconds after which to try again. */
  take(key: string): number {
    const elapsed = this.#turn();
    const counter = this.#current.has(key) || this.#current.size < MAX_COUNTERS ? key : '';
    const current = this.#current.get(counter) ?? 0;
    const previous = this.#previous.get(counter) ?? 0;
    const faded = previous * (1 - elapsed / MINUTE_MS);
    if (current + faded + 1 <= this.perMinute) {
      this.#current.set(counter, current + 1);
      return 0;
    }
    const thisMinute = current + 1 <= this.perMinute;
    const admitAt = thisMinute ? fadeMs(previous, this.perMinute - current - 1) : MINUTE_MS + fadeMs(current, this.perMinute - 1);
    return Math.max(1, Math.ceil((admitAt - elapsed) / 1_000));
  }

  /** Moves the window on; returns the milliseconds since the calendar minute began. */
  #turn(): number {
    const now = this.now();
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#previous = minute === this.#minute + 1 ? this.#current : new Map<string, number>();
      this.#current = new Map();
      this.#minute = minute;
    }
    return now - minute * MINUTE_MS;
  }
}

/** When in its minute the faded count of the last one comes down to `room`. */
function fadeMs(previous: number, room: number): number {
  return MINUTE_MS * (1 - room / previous);
}
