import type { Kysely } from 'kysely';
import { randomUUID } from 'node:crypto';
import type { Broker } from '#messaging';
import type { Logger } from '#platform';
import { fillInFromLog } from './fill-in.js';
import type { OneAtATime } from './one-at-a-time.js';
import { relayOutbox } from './outbox-relay.js';
import { PartitionFolder } from './partition-folder.js';
import { recurring, type Recurring } from './recurring.js';
import { checkAgainstLog } from './self-check.js';

const RELAY_EVERY_MS = 500;
const SELF_CHECK_EVERY_MS = 60_000;

export interface FoldingParts {
  readonly db: Kysely<unknown>;
  readonly broker: Broker;
  readonly logger: Logger;
  /** As configured; a part that tells this process from others of the same name is added. */
  readonly instance: string;
  readonly oneAtATime: OneAtATime;
}

/** The work that every monitor does for its own partitions. */
export interface Folding {
  /**
   * Publishes what stands in the outbox. Any instance may: each publishes from the oldest row on under the rows' own ids, so the order in
   * the stream is the same, and what was folded here goes out from here at once.
   */
  readonly relay: Recurring;
  /** When the work has ended after the signal aborted, and the partitions are given up. */
  readonly ended: Promise<unknown>;
}

/** Folds, publishes and checks until the signal aborts. */
export function startFolding({ db, broker, logger, instance, oneAtATime }: FoldingParts, signal: AbortSignal): Folding {
  const failed = (task: string) => (error: unknown) => logger.warn('a task of the monitor failed', { task, error });
  // Without the broker nothing can go out; what stands in the outbox waits for it.
  const publish = async (): Promise<void> => {
    if (!broker.isConnected) return;
    while ((await relayOutbox(db, broker)) > 0);
  };
  const relay = recurring(publish, RELAY_EVERY_MS, signal, failed('relay'));
  const folder = new PartitionFolder(
    {
      ...{ db, broker, logger, oneAtATime, instance: `${instance}-${randomUUID()}` },
      onFolded: () => relay.wake(),
      onTaken: () => selfCheck.wake(),
    },
    signal,
  );
  const selfCheck = recurring(
    async () => {
      const filled = await oneAtATime.run(() => fillInFromLog(db, folder.partitions));
      if (filled > 0) logger.warn('folded from the disclosure log what the stream did not bring', { events: filled });
      const differences = await checkAgainstLog(db, folder.partitions, (write) => oneAtATime.run(write));
      if (differences.length > 0) logger.error('records differ from the disclosure log', { differences: differences.length });
      if (filled + differences.length > 0) relay.wake();
    },
    SELF_CHECK_EVERY_MS,
    signal,
    failed('self-check'),
  );
  return { relay, ended: Promise.all([relay.ended, selfCheck.ended, folder.ended()]) };
}
