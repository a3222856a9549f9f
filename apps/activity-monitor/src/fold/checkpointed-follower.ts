import type { Kysely, Transaction } from 'kysely';
import { followFacts, type Broker, type Fact, type Following, type StreamPosition } from '#messaging';
import type { OneAtATime } from './one-at-a-time.js';
import { FenceLost, loadCheckpoint, moveCheckpoint } from './checkpoints.js';

export interface FollowerOptions {
  readonly db: Kysely<unknown>;
  readonly broker: Broker;
  /** The name of the checkpoint. */
  readonly name: string;
  readonly stream: string;
  readonly filterSubject?: string;
  /** The effect of a batch, in the transaction that moves the checkpoint. Must bear facts that it has seen. */
  readonly fold: (trx: Transaction<unknown>, facts: readonly Fact[]) => Promise<void>;
  /** Shared with everything else that folds or raises alarms. */
  readonly oneAtATime: OneAtATime;
  /** After the commit. */
  readonly onFolded: () => void;
  /** Another instance has moved the checkpoint: stop. */
  readonly onFenceLost: () => void;
}

/** Follows a stream from its checkpoint. Rejects when the checkpoint cannot be read; after that it recovers by itself. */
export async function followFromCheckpoint(options: FollowerOptions): Promise<Following> {
  const { db, broker, name, stream, filterSubject, fold, oneAtATime } = options;
  let position = await loadCheckpoint(db, name);
  return followFacts({
    broker,
    stream,
    ...(filterSubject === undefined ? {} : { filterSubject }),
    startAfter: position ?? 'beginning',
    onBatch: async (facts, { incarnation }) => {
      const last = facts.at(-1);
      if (last === undefined) return;
      const next: StreamPosition = { incarnation, sequence: last.sequence };
      try {
        await oneAtATime.run(() =>
          db.transaction().execute(async (trx) => {
            await fold(trx, facts);
            await moveCheckpoint(trx, name, position, next);
          }),
        );
      } catch (error) {
        if (error instanceof FenceLost) options.onFenceLost();
        throw error;
      }
      position = next;
      options.onFolded();
    },
  });
}
