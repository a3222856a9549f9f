import { DomainError } from '#kernel';

/** What the queue looks at of an append. */
export interface QueuedAppend {
  /** The streams, and whatever else it locks. */
  readonly locks: readonly string[];
  /** Characters of its documents. */
  readonly size: number;
}

export interface BatchWriter<Append> {
  /** One append in a transaction of its own. */
  alone(append: Append): Promise<void>;
  /** Many in one transaction. Resolves with those that did not hold; they go alone. */
  together(appends: readonly Append[]): Promise<ReadonlySet<Append>>;
}

/** Appends of one batch, and characters of their JSON: bounds what one statement holds, and how long its locks are held. */
const BATCH_MAX = 64;
const BATCH_CHARACTERS_MAX = 256 * 1024;

/** Milliseconds after which a batch is late: its connection may be silent, and the next one goes beside it. */
const LATE_AFTER_MS = 250;
const WITH_A_LATE_ONE = 2;

interface Waiting<Append> {
  readonly append: Append;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: appends that come while others are on their way go together, in one transaction. Nobody waits for company: what
 * comes while there is room goes at once. An append that cannot go along with the rest goes alone and has its own answer.
 */
export class AppendBatches<Append extends QueuedAppend> {
  #waiting: Waiting<Append>[] = [];
  #underWay = 0;
  #isDue = false;
  #late = 0;

  /**
   * `atOnce`: batches on their way at once. With 2 the next is made up and sent while one waits for the disk; with 1 batches are fewer and
   * larger, which counts for more where an append is many rows; one that is late holds nobody up.
   */
  constructor(
    private readonly writer: BatchWriter<Append>,
    private readonly atOnce: number,
  ) {}

  /** Resolves once it is on disk; rejects with what its own transaction would have thrown. */
  append(append: Append): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ append, resolve, reject });
      this.#goSoon();
    });
  }

  /** When this turn of the event loop is over: whoever asks in the same turn goes along. */
  #goSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#go();
    });
  }

  #go(): void {
    // A late one leaves its place where there is no second.
    const most = this.#late > 0 ? Math.max(this.atOnce, WITH_A_LATE_ONE) : this.atOnce;
    while (this.#underWay < most && this.#waiting.length > 0) this.#start(this.#nextBatch());
  }

  #start(batch: readonly Waiting<Append>[]): void {
    this.#underWay += 1;
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      this.#late += 1;
      this.#goSoon();
    }, LATE_AFTER_MS);
    void this.#send(batch).finally(() => {
      clearTimeout(late);
      if (isLate) this.#late -= 1;
      this.#underWay -= 1;
      this.#goSoon();
    });
  }

  /** From the front, each lock once: a statement sees a stream as it was before, so it cannot append to it twice. */
  #nextBatch(): readonly Waiting<Append>[] {
    const locked = new Set<string>();
    const [batch, left]: [Waiting<Append>[], Waiting<Append>[]] = [[], []];
    let characters = 0;
    for (const each of this.#waiting) {
      const { locks, size } = each.append;
      const hasRoom = batch.length === 0 || (batch.length < BATCH_MAX && characters + size <= BATCH_CHARACTERS_MAX);
      const isFree = !locks.some((lock) => locked.has(lock));
      // What comes behind one that waits must not overtake it.
      for (const lock of locks) locked.add(lock);
      if (!hasRoom || !isFree) {
        left.push(each);
        continue;
      }
      characters += size;
      batch.push(each);
    }
    this.#waiting = left;
    return batch;
  }

  async #send(batch: readonly Waiting<Append>[]): Promise<void> {
    let left: readonly Waiting<Append>[];
    try {
      const refused = await this.writer.together(batch.map(({ append }) => append));
      left = refused.size === 0 ? [] : batch.filter(({ append }) => refused.has(append));
      for (const each of batch) if (!left.includes(each)) each.resolve();
    } catch (error) {
      // What one of them broke was taken back whole. Of any other failure nobody knows more than the next.
      if (!wasTakenBack(error)) return batch.forEach(({ reject }) => reject(error));
      left = batch;
    }
    // Not waited for: whoever waits for a stream's lock must not keep the others from going.
    for (const { append, resolve, reject } of left) void this.writer.alone(append).then(resolve, reject);
  }
}

/**
 * SQLSTATE by which a transaction was taken back for what one of its appends holds or waits for: data exception, integrity constraint,
 * program limit, deadlock, lock timeout, and whatever functions of ours raise.
 */
function wasTakenBack(error: unknown): boolean {
  if (error instanceof DomainError) return true;
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?:22|23|54|PA|40P01|55P03)/.test(code);
}
