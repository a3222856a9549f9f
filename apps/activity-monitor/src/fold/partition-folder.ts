import type { Kysely } from 'kysely';
import { z } from 'zod';
import { STREAMS } from '#contracts';
import { followFacts, type Broker, type Fact, type Following, type StreamPosition } from '#messaging';
import type { Logger } from '#platform';
import { raiseUnknownEvents } from '../alarms/unknown-events.js';
import { FenceLost, loadCheckpoints, moveCheckpoints, type PartitionPosition } from './checkpoints.js';
import { foldEvents } from './fold-events.js';
import { eventsFolded, eventsUnknown, factsUnread } from './fold-metrics.js';
import type { OneAtATime } from './one-at-a-time.js';
import { PartitionLeases } from './partition-leases.js';
import { recurring, type Recurring } from './recurring.js';

const CHECKPOINT = 'watch';
const RENEW_EVERY_MS = 1_000;
/** A batch costs some milliseconds whatever is in it, and who is refused does not wait for it to fill. */
const BATCH_WAIT_MS = 100;
/** A message tells that there is an event; which one it is stands in the log. */
const messageSchema = z.object({ id: z.uuid() });

export interface PartitionFolderParts {
  readonly db: Kysely<unknown>;
  readonly broker: Broker;
  readonly logger: Logger;
  /** A name that no other process has. */
  readonly instance: string;
  /** Shared with everything else in this process that folds or raises alarms. */
  readonly oneAtATime: OneAtATime;
  /** After each batch that was folded. */
  readonly onFolded: () => void;
  /** When there are other partitions than before. */
  readonly onTaken: () => void;
}

/**
 * Folds the events of the people whose partitions this instance has. One reader of the whole stream serves all of them: it begins where
 * the one that is furthest behind stands, and what another has folded already is told by its id. Each batch moves the checkpoints of its
 * partitions in its own transaction; one that stands elsewhere has another owner, and the batch ends without effect.
 */
export class PartitionFolder {
  readonly #parts: PartitionFolderParts;
  readonly #leases: PartitionLeases;
  readonly #renewals: Recurring;
  /** Where each partition stands. Those of the reader that runs. */
  #positions = new Map<number, StreamPosition>();
  #following: Following | undefined;
  #reached: StreamPosition | undefined;
  #fenceLost = false;

  constructor(parts: PartitionFolderParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#leases = new PartitionLeases(parts.db, parts.instance);
    this.#renewals = recurring(
      () => this.#renew(),
      RENEW_EVERY_MS,
      signal,
      (error) => parts.logger.warn('partitions were not renewed', { error }),
    );
  }

  /** The partitions that are folded here now. */
  get partitions(): readonly number[] {
    return [...this.#positions.keys()];
  }

  /** Once the signal has aborted: finishes the batch in hand and gives the partitions up. */
  async ended(): Promise<void> {
    await this.#renewals.ended;
    await this.#following?.stop();
    await this.#leases.leave().catch((error: unknown) => this.#parts.logger.debug('partitions were not given up', { error }));
  }

  async #renew(): Promise<void> {
    const { keep, give } = await this.#leases.renew();
    const isSame = !this.#fenceLost && keep.length === this.#positions.size && keep.every((one) => this.#positions.has(one));
    if (isSame) return this.#catchUpIdle();
    await this.#following?.stop();
    this.#following = undefined;
    this.#reached = undefined;
    this.#fenceLost = false;
    this.#positions = await loadCheckpoints(this.#parts.db, CHECKPOINT, keep);
    if (give.length > 0) await this.#leases.release(give);
    if (keep.length > 0) this.#following = this.#follow();
    this.#parts.logger.info('folds partitions', { partitions: keep.length });
    this.#parts.onTaken();
  }

  #follow(): Following {
    return followFacts({
      broker: this.#parts.broker,
      stream: STREAMS.watch.name,
      startAfter: earliest([...this.#positions.values()]),
      maxWaitMs: BATCH_WAIT_MS,
      isUrgent: (subject) => subject.endsWith('.view.refused'),
      onBatch: async (facts, { incarnation }) => {
        const last = facts.at(-1);
        if (last !== undefined) await this.#fold(facts, { incarnation, sequence: last.sequence });
      },
    });
  }

  async #fold(facts: readonly Fact[], reached: StreamPosition): Promise<void> {
    const { db, logger, oneAtATime, onFolded } = this.#parts;
    const own = facts.filter((fact) => this.#positions.has(partitionOf(fact)));
    if (own.length === 0) return void (this.#reached = reached);
    const ids = idsOf(own, logger);
    const { folded, unknown } = await this.#fenced(() =>
      oneAtATime.run(async () => {
        // Only now: what waited before this may have moved them.
        const moves = this.#movesTo(reached, [...new Set(own.map(partitionOf))]);
        const fresh = await db.transaction().execute(async (trx) => {
          const taken = await foldEvents(trx, ids);
          if (taken.unknown.length > 0) await raiseUnknownEvents(trx, taken.unknown.length);
          await moveCheckpoints(trx, CHECKPOINT, moves);
          return taken;
        });
        this.#moved(moves);
        return fresh;
      }),
    );
    this.#reached = reached;
    eventsFolded.inc(folded);
    if (unknown.length > 0) {
      eventsUnknown.inc(unknown.length);
      logger.error('messages tell of events that the disclosure log does not have', { events: unknown.length });
    }
    onFolded();
  }

  /** Partitions without events stay behind until now: so a restart need not read again what brought nothing. */
  async #catchUpIdle(): Promise<void> {
    const { db, oneAtATime } = this.#parts;
    const reached = this.#reached;
    if (reached === undefined) return;
    await this.#fenced(() =>
      oneAtATime.run(async () => {
        const moves = this.#movesTo(reached, this.partitions).filter(({ from }) => isBehind(from, reached));
        if (moves.length === 0) return;
        await db.transaction().execute((trx) => moveCheckpoints(trx, CHECKPOINT, moves));
        this.#moved(moves);
      }),
    );
  }

  #movesTo(to: StreamPosition, partitions: readonly number[]): PartitionPosition[] {
    return partitions.flatMap((partition) => {
      const from = this.#positions.get(partition);
      return from === undefined ? [] : [{ partition, from, to }];
    });
  }

  #moved(moves: readonly PartitionPosition[]): void {
    for (const { partition, to } of moves) if (this.#positions.has(partition)) this.#positions.set(partition, to);
  }

  async #fenced<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof FenceLost) {
        this.#fenceLost = true;
        this.#renewals.wake();
      }
      throw error;
    }
  }
}

/** The subject has it: `watch.event.17.card.viewed`. */
function partitionOf({ subject }: Fact): number {
  return Number(subject.split('.', 3)[2]);
}

function isBehind(position: StreamPosition, reached: StreamPosition): boolean {
  return position.incarnation !== reached.incarnation || position.sequence < reached.sequence;
}

/** The place from which none of them misses anything. Those of another incarnation than the others have seen nothing of this one. */
function earliest(positions: readonly StreamPosition[]): StreamPosition | 'beginning' {
  const incarnation = positions[0]?.incarnation;
  if (incarnation === undefined || positions.some((position) => position.incarnation !== incarnation)) return 'beginning';
  return { incarnation, sequence: Math.min(...positions.map(({ sequence }) => sequence)) };
}

/**
 * The ids of the events of a batch: no more is read of a message. What has none is told of and left out: the log has the truth, and the
 * self-check folds from there.
 */
function idsOf(facts: readonly Fact[], logger: Logger): readonly string[] {
  const ids = facts.flatMap(({ payload }) => {
    const parsed = messageSchema.safeParse(payload);
    return parsed.success ? [parsed.data.id] : [];
  });
  const unread = facts.length - ids.length;
  if (unread > 0) {
    factsUnread.inc({ follower: CHECKPOINT }, unread);
    logger.error('messages of the gate could not be read', { messages: unread, from: facts[0]?.sequence });
  }
  return ids;
}
