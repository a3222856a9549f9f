import type { Kysely, Transaction } from 'kysely';
import type { z } from 'zod';
import { followFacts, type Broker, type Fact, type Following, type StreamPosition } from '#messaging';
import type { Logger } from '#platform';
import type { OneAtATime } from './one-at-a-time.js';
import { FenceLost, loadCheckpoint, moveCheckpoint } from './checkpoints.js';
import { factsUnread } from './fold-metrics.js';

export interface FollowerOptions<T = unknown> {
  readonly db: Kysely<unknown>;
  readonly broker: Broker;
  /** The name of the checkpoint. */
  readonly name: string;
  readonly stream: string;
  readonly filterSubject?: string;
  /** What is needed of a fact; it may hold more. */
  readonly schema: z.ZodType<T>;
  /** The effect of a batch, in the transaction that moves the checkpoint. Must bear facts that it has seen. */
  readonly fold: (trx: Transaction<unknown>, facts: readonly T[]) => Promise<void>;
  /** What else, beside the log and a metric, becomes of facts that are not as the schema has them; the reader goes on behind them. */
  readonly foldUnread?: (trx: Transaction<unknown>, unread: UnreadFacts) => Promise<void>;
  readonly logger: Logger;
  /** Shared with everything else that folds or raises alarms. */
  readonly oneAtATime: OneAtATime;
  /** After the commit. */
  readonly onFolded: () => void;
  /** Another instance has moved the checkpoint: stop. */
  readonly onFenceLost: () => void;
}

/** Facts of one batch that could not be read, by where they stand in the stream. */
export interface UnreadFacts {
  readonly follower: string;
  readonly incarnation: string;
  readonly sequences: readonly number[];
}

/** Follows a stream from its checkpoint. Rejects when the checkpoint cannot be read; after that it recovers by itself. */
export async function followFromCheckpoint<T>(options: FollowerOptions<T>): Promise<Following> {
  const { db, broker, name, stream, filterSubject, fold, foldUnread, oneAtATime, logger } = options;
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
      const { read, sequences } = readFacts(options.schema, facts);
      const unread = { follower: name, incarnation, sequences };
      try {
        await oneAtATime.run(() =>
          db.transaction().execute(async (trx) => {
            await fold(trx, read);
            if (unread.sequences.length > 0) await foldUnread?.(trx, unread);
            await moveCheckpoint(trx, name, position, next);
          }),
        );
      } catch (error) {
        if (error instanceof FenceLost) options.onFenceLost();
        throw error;
      }
      position = next;
      if (sequences.length > 0) {
        factsUnread.inc({ follower: name }, sequences.length);
        logger.error('facts could not be read', { follower: name, facts: sequences.length, from: sequences[0] });
      }
      options.onFolded();
    },
  });
}

function readFacts<T>(
  schema: z.ZodType<T>,
  facts: readonly Fact[],
): { readonly read: readonly T[]; readonly sequences: readonly number[] } {
  const read: T[] = [];
  const sequences: number[] = [];
  for (const { payload, sequence } of facts) {
    const parsed = schema.safeParse(payload);
    if (parsed.success) read.push(parsed.data);
    else sequences.push(sequence);
  }
  return { read, sequences };
}
