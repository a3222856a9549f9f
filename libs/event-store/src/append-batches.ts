import type { NewEvent } from './events.js';

/** One event for one stream, with nothing else in its transaction. */
export interface SingleAppend {
  readonly stream: string;
  /** Null: any version. */
  readonly expected: number | null;
  readonly event: NewEvent;
  /** JSON of the event's data and metadata. */
  readonly data: string;
  readonly metadata: string;
}

export interface BatchWriter {
  /** One append in a transaction of its own. */
  alone(append: SingleAppend): Promise<void>;
  /** Many in one transaction. Resolves with the ids of those that did not hold. */
  together(appends: readonly SingleAppend[]): Promise<ReadonlySet<string>>;
}

/** Batches on their way at once: the next is made up and sent while one waits for the disk. */
const BATCHES_AT_ONCE = 2;
/** Appends of one batch, and characters of their JSON: bounds what one statement holds, and how long its locks are held. */
const BATCH_MAX = 64;
const BATCH_CHARACTERS_MAX = 256 * 1024;

interface Waiting {
  readonly append: SingleAppend;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: appends that come while others are on their way go together, in one transaction. Nobody waits for company: what
 * comes while there is room goes at once. An append that cannot go along with the rest goes alone and has its own answer.
 */
export class AppendBatches {
  #waiting: Waiting[] = [];
  #underWay = 0;
  #isDue = false;

  constructor(private readonly writer: BatchWriter) {}

  /** Resolves once it is on disk; rejects with what its own transaction would have thrown. */
  append(append: SingleAppend): Promise<void> {
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
    while (this.#underWay < BATCHES_AT_ONCE && this.#waiting.length > 0) {
      this.#underWay += 1;
      void this.#send(this.#nextBatch()).finally(() => {
        this.#underWay -= 1;
        this.#goSoon();
      });
    }
  }

  /** From the front, one append a stream: a statement sees a stream as it was before, so it cannot append to it twice. */
  #nextBatch(): readonly Waiting[] {
    const streams = new Set<string>();
    const [batch, left]: [Waiting[], Waiting[]] = [[], []];
    let characters = 0;
    for (const each of this.#waiting) {
      const { stream, data, metadata } = each.append;
      const size = data.length + metadata.length;
      const hasRoom = batch.length === 0 || (batch.length < BATCH_MAX && characters + size <= BATCH_CHARACTERS_MAX);
      if (!hasRoom || streams.has(stream)) {
        left.push(each);
        continue;
      }
      streams.add(stream);
      characters += size;
      batch.push(each);
    }
    this.#waiting = left;
    return batch;
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    let left: readonly Waiting[];
    try {
      const refused = await this.writer.together(batch.map(({ append }) => append));
      left = refused.size === 0 ? [] : batch.filter(({ append }) => refused.has(append.event.id));
      for (const each of batch) if (!left.includes(each)) each.resolve();
    } catch (error) {
      // What one of them broke was taken back whole. Of any other failure nobody knows more than the next.
      if (!isOfOneRow(error)) return batch.forEach(({ reject }) => reject(error));
      left = batch;
    }
    // Not waited for: whoever waits for a stream's lock must not keep the others from going.
    for (const { append, resolve, reject } of left) void this.writer.alone(append).then(resolve, reject);
  }
}

/** Classes of SQLSTATE that one row's values raise: data exception, integrity constraint, program limit. */
function isOfOneRow(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?:22|23|54)/.test(code);
}
