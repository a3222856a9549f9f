import { databaseUnavailable } from './database.js';

/** How requests are answered: one alone, or several in one transaction. */
export interface BatchWork<Asked, Answer> {
  alone(asked: Asked): Promise<Answer>;
  /** The answers, each at the place of its request; undefined where there is none: that request goes alone. */
  together(asked: readonly Asked[]): Promise<readonly (Answer | undefined)[]>;
  /** What it is answered by: only requests of one statement go together. Without it all do. */
  statementOf?(asked: Asked): string;
  /**
   * Batches on their way at once; 2 unless told. With 1, what comes waits for the batch before: fewer and larger ones, which is what counts
   * where processors are short; with 2 the next is made up and sent while one waits for the disk. One that is late holds nobody up.
   */
  readonly atOnce?: number;
  /** Milliseconds after which a request is refused as `dependency-unavailable`, and not sent any more. Without it: never. */
  readonly withinMs?: number;
}

const BATCHES_AT_ONCE = 2;
/** Milliseconds after which a batch is late: its connection may be silent, and the next one goes beside it, where it would have been the only one. */
const LATE_AFTER_MS = 250;
/** Requests of one batch: bounds what one statement holds, and how long its locks are held. */
const BATCH_MAX = 64;
/** Where several batches can go at once, what waits is shared between them if it is more than this. */
const SHARED_FROM = 8;

interface Waiting<Asked, Answer> {
  readonly asked: Asked;
  readonly statement: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Requests that come while others are on their way go together, in one statement. Nobody waits for company: what comes while there
 * is room goes at once, and who is by himself goes alone, as does whoever cannot go along with the rest.
 *
 * Each request has its own answer or its own error. A batch that failed for what one of them holds was taken back whole, and each
 * goes alone; of any other failure nobody knows more than the next, and all of the batch are told of it.
 */
export class Batches<Asked, Answer> {
  #waiting: Waiting<Asked, Answer>[] = [];
  #underWay = 0;
  /** By himself: he may wait for a lock, and must not keep batches from going meanwhile. */
  #single = false;
  #isDue = false;
  #late = 0;
  readonly #atOnce: number;

  constructor(private readonly work: BatchWork<Asked, Answer>) {
    this.#atOnce = work.atOnce ?? BATCHES_AT_ONCE;
  }

  /**
   * Resolves with the answer to this request; rejects with what its own statement, or that of its batch, threw. `withinMs`: what is left of
   * its time.
   */
  ask(asked: Asked, withinMs = this.work.withinMs): Promise<Answer> {
    const statement = this.work.statementOf?.(asked) ?? '';
    return new Promise((resolve, reject) => {
      const waiting = { asked, statement, resolve, reject };
      this.#waiting.push(withinMs === undefined ? waiting : this.#bounded(waiting, withinMs));
      this.#goSoon();
    });
  }

  /** The same request, refused when its time is over: one that was not sent yet is forgotten and has no effect. */
  #bounded(waiting: Waiting<Asked, Answer>, withinMs: number): Waiting<Asked, Answer> {
    const bounded: Waiting<Asked, Answer> = {
      ...waiting,
      resolve: (answer) => {
        clearTimeout(timer);
        waiting.resolve(answer);
      },
      reject: (error) => {
        clearTimeout(timer);
        waiting.reject(error);
      },
    };
    const timer = setTimeout(() => {
      this.#waiting = this.#waiting.filter((each) => each !== bounded);
      waiting.reject(databaseUnavailable());
    }, withinMs);
    return bounded;
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
    const [first] = this.#waiting;
    if (first !== undefined && this.#waiting.length === 1 && this.#underWay === 0 && !this.#single) {
      this.#waiting = [];
      this.#single = true;
      void this.#alone(first).finally(() => (this.#single = false));
    }
    // A late one leaves its place where there is no second.
    const most = this.#late > 0 ? Math.max(this.#atOnce, BATCHES_AT_ONCE) : this.#atOnce;
    while (this.#underWay < most && this.#waiting.length > 0) this.#start(this.#nextBatch());
  }

  #start(batch: readonly Waiting<Asked, Answer>[]): void {
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

  /** From the front, those of the first one's statement. */
  #nextBatch(): readonly Waiting<Asked, Answer>[] {
    const share = Math.ceil(this.#waiting.length / Math.max(1, this.#atOnce - this.#underWay));
    const most = Math.min(BATCH_MAX, Math.max(SHARED_FROM, share));
    const statement = this.#waiting[0]?.statement;
    const [batch, left]: [Waiting<Asked, Answer>[], Waiting<Asked, Answer>[]] = [[], []];
    for (const each of this.#waiting) (each.statement === statement && batch.length < most ? batch : left).push(each);
    this.#waiting = left;
    return batch;
  }

  async #send(batch: readonly Waiting<Asked, Answer>[]): Promise<void> {
    try {
      const answers = await this.work.together(batch.map(({ asked }) => asked));
      for (const [place, each] of batch.entries()) {
        const answer = answers[place];
        if (answer === undefined) void this.#alone(each);
        else each.resolve(answer);
      }
    } catch (error) {
      for (const each of batch) {
        if (wasTakenBack(error)) void this.#alone(each);
        else each.reject(error);
      }
    }
  }

  /** Not waited for by others: whoever waits for a lock must not keep them from going. */
  async #alone({ asked, resolve, reject }: Waiting<Asked, Answer>): Promise<void> {
    try {
      resolve(await this.work.alone(asked));
    } catch (error) {
      reject(error);
    }
  }
}

/**
 * Errors by which PostgreSQL took back a statement for what one of its rows holds or waits for: data exception, integrity constraint,
 * program limit, deadlock, lock timeout (SQLSTATE, appendix A).
 */
function wasTakenBack(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?:22|23|54|40P01|55P03)/.test(code);
}
