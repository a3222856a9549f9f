import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DomainError, refuse } from '#kernel';
import type {
  NewLead,
  OperationName,
  SpoolOperations,
  SpoolReply,
  SpoolThreadOptions,
  StoreOutcome,
  WaitingLead,
} from './spool.protocol.js';

const RESERVE_BYTES = 4 * 1024 * 1024;
/** One transaction takes at most so much; the rest goes with the next. */
const BATCH_ROWS = 256;
const BATCH_BYTES = 512 * 1024;
/** More than this waiting for the disk is refused, so that a stalled disk does not fill the memory. */
const MAX_PENDING = 4_096;
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
const RETRY_AFTER_SECONDS = 5;

export interface SpoolOptions {
  /** An existing directory of mode 0700. */
  readonly dir: string;
  /** The largest database file in bytes; null (the default) for as much as the disk has. */
  readonly maxBytes?: number | null;
}

interface PendingLead {
  readonly lead: NewLead;
  readonly resolve: (outcome: StoreOutcome) => void;
  readonly reject: (error: unknown) => void;
}
interface Call {
  readonly resolve: (output: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sealed leads on this instance's own disk until core has them. `store` resolves after the flush; leads that wait for the disk at the
 * same time share one. One process per directory: a second one is refused at `openSpool`.
 */
export class Spool {
  readonly #thread: Worker;
  readonly #calls = new Map<number, Call>();
  readonly #onStored = new Set<(leads: number) => void>();
  #pending: PendingLead[] = [];
  #pendingBytes = 0;
  #isStoring = false;
  #isBroken = false;
  #waiting = 0;
  #lastCall = 0;
  #fullSince: number | null = null;

  constructor(thread: Worker) {
    this.#thread = thread;
    thread.on('message', (reply: SpoolReply) => this.#settle(reply));
    thread.on('exit', () => this.#fail());
    thread.on('error', () => this.#fail());
  }

  /**
   * Puts a lead on disk. With a MAC: `repeated` when this id is there with the same body. Throws DomainError
   * `idempotency-key-reused` (another body), `spool-full`, `dependency-unavailable`.
   */
  async store(lead: NewLead): Promise<'stored' | 'repeated'> {
    if (this.#pending.length >= MAX_PENDING || this.#pendingBytes >= MAX_PENDING_BYTES)
      throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
    const outcome = await new Promise<StoreOutcome>((resolve, reject) => {
      this.#pending.push({ lead, resolve, reject });
      this.#pendingBytes += lead.sealed.length;
      if (!this.#isStoring) {
        this.#isStoring = true;
        setImmediate(() => void this.#storePending());
      }
    });
    return outcome === 'reused' ? refuse('idempotency-key-reused') : outcome;
  }

  /** Some leads after a place, in order of arrival: at most `limit`, fewer when they are large, none when there are none. */
  waiting(afterSeq: number, limit: number): Promise<readonly WaitingLead[]> {
    return this.#ask('waiting', { afterSeq, limit });
  }

  /** Drops leads that core has; their receipts stay. */
  async forget(seqs: readonly number[]): Promise<void> {
    const forgotten = await this.#ask('forget', seqs);
    this.#waiting -= forgotten;
    this.#fullSince = null;
  }

  /** Drops receipts of before a time (ISO 8601); returns how many. */
  expireReceipts(receivedBefore: string): Promise<number> {
    return this.#ask('expire', { receivedBefore });
  }

  load(name: string): Promise<Uint8Array | null> {
    return this.#ask('load', name);
  }

  async save(name: string, value: Uint8Array): Promise<void> {
    await this.#ask('save', { name, value });
  }

  /** How many leads core does not have yet. */
  get waitingCount(): number {
    return this.#waiting;
  }

  /** Counts what an earlier run left. Once, before the first lead. */
  async countWaiting(): Promise<void> {
    this.#waiting = await this.#ask('count', null);
  }

  /** Calls `listener` after each flush with the number of leads that it stored; returns how to stop. */
  onStored(listener: (leads: number) => void): () => void {
    this.#onStored.add(listener);
    return () => this.#onStored.delete(listener);
  }

  /** Calls `listener` once if the thread ends by itself: nothing can be stored any more, the process should start anew. */
  onBroken(listener: () => void): void {
    this.#thread.once('exit', (code) => {
      if (code !== 0) listener();
    });
  }

  /** Throws DomainError when the disk takes nothing: proved by a flushed write, and by no lead refused for space since 5 s. */
  async checkWritable(): Promise<void> {
    if (this.#fullSince !== null && performance.now() - this.#fullSince < RETRY_AFTER_SECONDS * 1_000) throw full();
    await this.save('probe', new Uint8Array(8));
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#thread.once('exit', () => resolve()));
    await this.#ask('close', null);
    await ended;
  }

  /** Group commit: whoever comes while the disk is flushed goes together with the next flush. */
  async #storePending(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#takeBatch();
      try {
        const outcomes = await this.#ask(
          'store',
          batch.map(({ lead }) => lead),
        );
        this.#fullSince = null;
        const stored = outcomes.filter((outcome) => outcome === 'stored').length;
        this.#waiting += stored;
        batch.forEach((pending, index) => pending.resolve(outcomes[index] as StoreOutcome));
        for (const listener of this.#onStored) listener(stored);
      } catch (error) {
        if (error instanceof DomainError && error.code === 'spool-full') this.#fullSince = performance.now();
        for (const pending of batch) pending.reject(error);
      }
    }
    this.#isStoring = false;
  }

  #takeBatch(): PendingLead[] {
    let bytes = 0;
    let rows = 0;
    while (rows < this.#pending.length && rows < BATCH_ROWS && bytes < BATCH_BYTES) {
      bytes += this.#pending[rows]?.lead.sealed.length ?? 0;
      rows += 1;
    }
    this.#pendingBytes -= bytes;
    return this.#pending.splice(0, rows);
  }

  #ask<Name extends OperationName>(name: Name, input: SpoolOperations[Name]['input']): Promise<SpoolOperations[Name]['output']> {
    if (this.#isBroken) return Promise.reject(broken());
    return new Promise((resolve, reject) => {
      const id = ++this.#lastCall;
      this.#calls.set(id, { resolve, reject });
      this.#thread.postMessage({ id, name, input });
    });
  }

  #settle(reply: SpoolReply): void {
    const call = this.#calls.get(reply.id);
    this.#calls.delete(reply.id);
    if ('output' in reply) call?.resolve(reply.output as never);
    else call?.reject(reply.fault === 'full' ? full() : broken());
  }

  #fail(): void {
    this.#isBroken = true;
    for (const call of this.#calls.values()) call.reject(broken());
    this.#calls.clear();
  }
}

/** Opens the spool of a directory. Rejects with DomainError `dependency-unavailable` when another process has it or the disk refuses. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const workerData: SpoolThreadOptions = { dir: options.dir, maxBytes: options.maxBytes ?? null, reserveBytes: RESERVE_BYTES };
  const thread = new Worker(new URL(`./spool.worker${extname(import.meta.filename)}`, import.meta.url), {
    workerData,
    execArgv: [],
  });
  const spool = new Spool(thread);
  await Promise.race([spool.countWaiting(), failureOf(thread)]).catch((error: unknown) => {
    const detail = `the spool in ${options.dir} does not open (${wordOf(error)}): is another process using it, or the disk full?`;
    throw new DomainError('dependency-unavailable', { detail });
  });
  return spool;
}

function failureOf(thread: Worker): Promise<never> {
  return new Promise((_, reject) => thread.once('error', reject));
}

function wordOf(error: unknown): string {
  const code = (error as { errcode?: unknown; code?: unknown }).errcode ?? (error as { code?: unknown }).code;
  return typeof code === 'string' || typeof code === 'number' ? String(code) : 'unknown';
}

function full(): DomainError {
  return new DomainError('spool-full', { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

function broken(): DomainError {
  return new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
}
