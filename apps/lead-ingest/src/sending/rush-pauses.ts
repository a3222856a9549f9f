/**
 * A rush is so many leads within so short a time: 200 a second, about what one core takes in while it shares two processors with all
 * the rest (docs/performance.md, "Leads in core").
 */
export const RUSH_LEADS = 20;
export const RUSH_WINDOW_MS = 100;

/**
 * When sending to core pauses for the sake of the open port: while leads come in a rush, they are taken first and worked off behind.
 * A pause ends with the rush, or after `longestMs`, whichever is first; then sending goes on for at least as long as it paused. So no
 * pause keeps a lead longer than `longestMs`, and of any time at least half is for sending, however long a rush lasts.
 */
export class RushPauses {
  /** When the latest leads were stored, as a ring; the place that is written next holds the oldest. */
  readonly #times = new Float64Array(RUSH_LEADS).fill(Number.NEGATIVE_INFINITY);
  #next = 0;
  #pausedAt: number | null = null;
  #notBefore = Number.NEGATIVE_INFINITY;

  /** `longestMs`: the longest pause, 0 for none. `now` in milliseconds of a clock that only goes forward. */
  constructor(
    private readonly longestMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Notes leads that were stored just now. */
  note(leads: number): void {
    const now = this.now();
    for (let noted = 0; noted < Math.min(leads, RUSH_LEADS); noted += 1) {
      this.#times[this.#next] = now;
      this.#next = (this.#next + 1) % RUSH_LEADS;
    }
  }

  /** 0: send. Else the milliseconds after which to ask again, while nothing is sent; at most the window of a rush. */
  restMs(): number {
    const now = this.now();
    const pausedAt = this.#pausedAt ?? now;
    const left = this.longestMs - (now - pausedAt);
    if (now < this.#notBefore || left <= 0 || !this.#isRush(now)) {
      this.#endPause(now);
      return 0;
    }
    this.#pausedAt = pausedAt;
    return Math.min(left, RUSH_WINDOW_MS);
  }

  #isRush(now: number): boolean {
    return (this.#times[this.#next] ?? 0) > now - RUSH_WINDOW_MS;
  }

  #endPause(now: number): void {
    if (this.#pausedAt !== null) this.#notBefore = now + Math.min(now - this.#pausedAt, this.longestMs);
    this.#pausedAt = null;
  }
}
