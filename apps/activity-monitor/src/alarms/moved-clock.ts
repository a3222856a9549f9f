import { sql, type Kysely } from 'kysely';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';

/** Clocks that are being set right go so much faster or slower at most, of the time that passes. */
const MOST_DRIFT = 0.001;
/** So far a clock may be moved untold, all of its steps together: less than matters to a window of an hour. */
const LEAST_MS = 30_000;

/** Between what bounds the database's time less ours lies, in milliseconds. */
interface Bounds {
  readonly low: number;
  readonly high: number;
}

/**
 * Watches the one clock that counts (monitoring.md "Limits"): moved forward, windows end early, and the gate cannot tell that from time
 * passing. It is held against this process' monotonic clock, which nobody moves. What is moved while no monitor runs is not seen; a machine
 * that was put to sleep is told of, for its windows went on.
 */
export class ClockWatch {
  #known: (Bounds & { readonly at: number }) | undefined;
  #movedMs = 0;

  constructor(
    private readonly db: Kysely<unknown>,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  /** Looks once; raises `clock.moved` when the steps since the last one that was told of come to half a minute. Returns how many were raised. */
  async look(): Promise<number> {
    const sent = this.monotonicMs();
    const { rows } = await sql<{ told: number; at: string }>`
      SELECT (extract(epoch FROM now) * 1000)::float8 AS told, watch.iso(now) AS at FROM (SELECT clock_timestamp() AS now) AS n`.execute(
      this.db,
    );
    const received = this.monotonicMs();
    const [row] = rows;
    if (row === undefined) return 0;
    this.#compare({ low: row.told - received, high: row.told - sent, at: received });
    if (Math.abs(this.#movedMs) < LEAST_MS) return 0;
    const raised = await this.db.transaction().execute((trx) => raiseAlarms(trx, [draftOf(row.at, this.#movedMs)]));
    this.#movedMs = 0;
    return raised.length;
  }

  /** A slow answer tells little and spoils nothing; what does not fit what was known is a step of the clock. */
  #compare(told: Bounds & { readonly at: number }): void {
    const known = this.#known;
    this.#known = told;
    if (known === undefined) return;
    const drift = (told.at - known.at) * MOST_DRIFT;
    const [low, high] = [known.low - drift, known.high + drift];
    if (told.low > high) this.#movedMs += told.low - high;
    else if (told.high < low) this.#movedMs += told.high - low;
    else this.#known = { low: Math.max(told.low, low), high: Math.min(told.high, high), at: told.at };
  }
}

function draftOf(at: string, movedMs: number): AlarmDraft {
  const seconds = Math.round(Math.abs(movedMs) / 1_000);
  const what =
    movedMs > 0
      ? `forward by ${seconds} s, or the machine slept: windows of limits ended so much earlier`
      : `back by ${seconds} s: windows of limits last so much longer`;
  const message = `The clock of the database was moved ${what}.`;
  return { key: `clock.moved|${at}`, alarm: { type: 'clock.moved', severity: 'critical', at, userId: null, message } };
}
