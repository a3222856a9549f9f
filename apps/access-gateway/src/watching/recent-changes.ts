import type { RecordChange } from './record-change.js';

/**
 * A fact that is so much older than the newest seen was told before: a stream that was wiped is filled again from the log's beginning.
 * Commits of one moment, and clocks of two cores, differ by far less.
 */
const MOST_LATE_MS = 120_000;

/** A change with its place among all that this gateway has heard of, counted from 1. */
export interface PlacedChange extends RecordChange {
  readonly position: number;
}

/** The last changes of records in the order of the log, so many and no more: what live streams are served and resumed from. */
export class RecentChanges {
  readonly #changes: PlacedChange[] = [];
  readonly #positions = new Map<string, number>();
  #last = 0;
  #newestMs = 0;

  /** `most`: how many are kept. */
  constructor(private readonly most: number) {}

  /** The position of the newest; 0 when there was none yet. */
  get last(): number {
    return this.#last;
  }

  /** Nothing for one that is known, or told long ago. */
  add(change: RecordChange): void {
    const atMs = Date.parse(change.message.at);
    if (this.#positions.has(change.eventId) || atMs < this.#newestMs - MOST_LATE_MS) return;
    this.#newestMs = Math.max(this.#newestMs, atMs);
    this.#last += 1;
    this.#changes.push({ ...change, position: this.#last });
    this.#positions.set(change.eventId, this.#last);
    // Cut in one go once in a while: taking the first of a long array for each that comes would move them all each time.
    if (this.#changes.length > 2 * this.most) {
      for (const { eventId } of this.#changes.splice(0, this.most)) this.#positions.delete(eventId);
    }
  }

  /** Undefined for an event that is not, or no longer, or not yet known here. */
  positionOf(eventId: string): number | undefined {
    return this.#positions.get(eventId);
  }

  /** The next changes behind a position, at most so many; undefined when what came next is no longer kept. */
  after(position: number, limit: number): readonly PlacedChange[] | undefined {
    const first = this.#last - this.#changes.length;
    if (position < first) return undefined;
    return this.#changes.slice(position - first, position - first + limit);
  }
}
