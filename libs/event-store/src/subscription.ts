import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { LOG_START, type EventStore, type Position } from './event-store.js';
import type { StoredEvent } from './events.js';

export interface SubscriptionOptions {
  readonly name: string;
  readonly store: EventStore;
  readonly pool: Pool;
  /** Takes a batch in commit order and answers how many from its front are done for good (0 to all). */
  readonly handle: (events: readonly StoredEvent[]) => Promise<number>;
  /** Names what is filled (a stream's creation time, say): when it is another than at the checkpoint, filling starts anew. */
  readonly incarnation?: () => Promise<string>;
  readonly batchSize?: number;
  /** Wait between looks when there is nothing new, milliseconds. `wake()` ends the wait. */
  readonly idleMs?: number;
  /** Least time between two looks, milliseconds: what is appended meanwhile makes one batch with one checkpoint. */
  readonly restMs?: number;
  readonly onError?: (error: unknown) => void;
}

/**
 * A checkpointed reader of the log. Handling is at least once: the checkpoint moves after `handle` said so. One owner at a time is
 * the caller's affair (leadership).
 */
export class Subscription {
  private wakeUp: () => void = () => undefined;
  private pending = false;

  constructor(private readonly options: SubscriptionOptions) {}

  /** Ends the present wait: something was appended by this process. */
  wake(): void {
    this.pending = true;
    this.wakeUp();
  }

  /** Reads and hands on until `signal` aborts. Errors are reported and the batch is tried again. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.wakeUp(), { once: true });
    while (!signal.aborted) {
      const progressed = await this.step().catch((error: unknown) => {
        this.options.onError?.(error);
        return undefined;
      });
      if (progressed !== true && !signal.aborted) await this.pause(progressed === undefined ? 500 : (this.options.idleMs ?? 250));
      if (progressed !== true && !signal.aborted)
        await sleep(this.options.restMs ?? 20, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One batch. True when more is waiting for sure: the batch was full and is done. */
  async step(): Promise<boolean> {
    this.pending = false;
    const { name, store, handle, batchSize = 500 } = this.options;
    const incarnation = (await this.options.incarnation?.()) ?? '';
    const from = await this.checkpoint(incarnation);
    const events = await store.readCommitted(from, batchSize);
    if (events.length === 0) return false;
    const done = await handle(events);
    const last = events[done - 1];
    if (last === undefined) return false;
    await this.options.pool.query(
      `INSERT INTO es.checkpoints (name, tx_id, seq, incarnation) VALUES ($1, $2::text::xid8, $3, $4)
       ON CONFLICT (name) DO UPDATE SET tx_id = excluded.tx_id, seq = excluded.seq, incarnation = excluded.incarnation`,
      [name, last.txId, last.seq, incarnation],
    );
    return done === events.length && done === batchSize;
  }

  private async checkpoint(incarnation: string): Promise<Position> {
    const result = await this.options.pool.query<{ tx_id: string; seq: number; incarnation: string }>(
      'SELECT tx_id::text, seq, incarnation FROM es.checkpoints WHERE name = $1',
      [this.options.name],
    );
    const row = result.rows[0];
    return row === undefined || row.incarnation !== incarnation ? LOG_START : { txId: row.tx_id, seq: Number(row.seq) };
  }

  private async pause(ms: number): Promise<void> {
    if (this.pending) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wakeUp = () => undefined;
  }
}
