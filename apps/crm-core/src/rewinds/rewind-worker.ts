import { createHash } from 'node:crypto';
import { uuidFromDigest } from '#kernel';
import { CommandRepeated, VersionConflict, type CommandRecord, type EventMetadata, type EventStore } from '#event-store';
import { holdLeadership, isUnavailable, restFor, type Leadership, type Logger } from '#platform';
import type { CoreConfig } from '../config.js';
import { streamParts } from '../log/aggregate.js';
import { streamChange, type AnyStreamChange, type CrmLog } from '../log/crm-log.js';
import { compensate } from './domain/compensation.js';
import { aggregateOf, type RewindPlanner, type StreamPlan } from './rewind-planner.js';
import { rewindAggregate } from './rewind.aggregate.js';
import type { PendingRecord, RewindStore, RunningRewind } from './rewind-store.js';

/** Wait between looks when nothing runs, or the database is away, milliseconds. */
const IDLE_MS = 250;
/** Records taken at a time, and how many of them are put back side by side. */
const BATCH = 200;
const LANES = 8;
/** How often a record that others are changing is planned anew. */
const ATTEMPTS = 50;
const PRUNE_EVERY_MS = 3_600_000;
/** MAC of a record's command: its id says all of it, and there is no body. */
const NO_BODY_MAC = '00';

/**
 * Carries out what rewinds planned: one append a record, under a command id made of rewind and stream, so that a core that takes
 * over from a dead one, or believes for a moment to lead as well, does nothing twice. One core at a time works.
 */
export class RewindWorker {
  private leadership: Leadership | undefined;
  private prunedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly log: CrmLog,
    private readonly events: EventStore,
    private readonly planner: RewindPlanner,
    private readonly store: RewindStore,
    private readonly logger: Logger,
    private readonly now: () => Date,
  ) {}

  start({ databaseUrl }: Pick<CoreConfig, 'databaseUrl'>): void {
    this.leadership = holdLeadership({
      databaseUrl,
      name: 'crm-rewinds',
      logger: this.logger,
      onAcquired: (signal) => this.run(signal),
    });
  }

  async stop(): Promise<void> {
    await this.leadership?.stop();
  }

  /** Works until the signal aborts. An error is reported, and the work is taken up again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const worked = await this.step(signal).catch((error: unknown) => {
        this.logger.warn('a rewind waits', { error });
        return false;
      });
      if (!worked) await restFor(IDLE_MS, signal);
    }
  }

  /** Some records of the oldest rewind that runs, or its end. False when none runs. */
  async step(signal: AbortSignal): Promise<boolean> {
    const rewind = await this.store.running();
    if (rewind === undefined) {
      await this.prune();
      return false;
    }
    const records = await this.store.pending(rewind.scope.rewindId, BATCH);
    if (records.length === 0) await this.finish(rewind);
    else await this.putBackAll(rewind, records, signal);
    return true;
  }

  /** The records are planned anew together; one that was overtaken since is planned again alone. */
  private async putBackAll(rewind: RunningRewind, records: readonly PendingRecord[], signal: AbortSignal): Promise<void> {
    const plans = await this.plansOf(rewind, records);
    const waiting = records.values();
    const lane = async (): Promise<void> => {
      for (const record of waiting) {
        if (signal.aborted) return;
        await this.putBack(rewind, record, plans.get(record.stream));
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  /** Without a plan that can be made for all, each is planned alone: one that cannot be read must not stop the others. */
  private async plansOf({ scope }: RunningRewind, records: readonly PendingRecord[]): Promise<ReadonlyMap<string, StreamPlan>> {
    try {
      const plans = await this.planner.planStreams(
        records.map(({ stream }) => stream),
        scope,
      );
      return new Map(plans.map((plan) => [plan.stream, plan]));
    } catch (error) {
      if (isUnavailable(error)) throw error;
      return new Map();
    }
  }

  /** Throws only when the database is away: then the record is still pending. */
  private async putBack(rewind: RunningRewind, record: PendingRecord, planned: StreamPlan | undefined): Promise<void> {
    const { rewindId } = rewind.scope;
    const { stream } = record;
    try {
      let plan = planned;
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        plan ??= (await this.planner.planStreams([stream], rewind.scope))[0];
        if (plan === undefined) throw new Error('the stream of a record is gone');
        if (await this.tryPutBack(rewind, record, plan)) return;
        plan = undefined;
      }
      throw new VersionConflict();
    } catch (error) {
      if (error instanceof CommandRepeated) return;
      if (isUnavailable(error)) throw error;
      this.logger.error('a record cannot be put back', { rewindId, stream, error });
      await this.store.fail(rewindId, stream);
    }
  }

  /** False when the record changed under the plan. */
  private async tryPutBack(rewind: RunningRewind, record: PendingRecord, plan: StreamPlan): Promise<boolean> {
    // Another core, for a moment believed to lead as well, was here first: what it appended says what became of the record.
    if (plan.isPutBack) return true;
    const { stream } = record;
    const { rewindId } = rewind.scope;
    const { id } = streamParts(stream);
    const aggregate = aggregateOf(stream);
    const { state, version, generation, events: recorded } = await this.log.history(aggregate, id);
    if (plan.version !== version) return false;
    const history = recorded.map(({ event }) => event);
    const events = compensate(aggregate as Parameters<typeof compensate>[0], state as never, history, plan.putBack);
    const statements = this.store.settling(rewindId, plan, record);
    if (events.length === 0) {
      await this.events.inOneRoundTrip(statements);
      return true;
    }
    const change = streamChange({ aggregate, id, version, generation, events });
    const command = commandOf(rewindId, stream, id, version + events.length);
    try {
      await this.log.append([change], { metadata: this.metadataOf(rewind, command), command, statements });
      return true;
    } catch (error) {
      if (error instanceof VersionConflict) return false;
      throw error;
    }
  }

  /** What was on its way when the rewind was planned is found now; without any, the rewind is over. */
  private async finish(rewind: RunningRewind): Promise<void> {
    const { rewindId } = rewind.scope;
    const streams = await this.planner.streamsOf(rewind.scope, Infinity);
    const late = await this.store.unknownAmong(rewindId, streams);
    if (late.length > 0) {
      const plans: readonly StreamPlan[] = await this.planner.planStreams(late, rewind.scope);
      return this.events.inOneRoundTrip(this.store.adding(rewindId, plans));
    }
    const { total, conflicts, failed } = await this.store.tally(rewindId);
    const outcome = failed > 0 ? 'failed' : 'done';
    const { state, version } = await this.log.load(rewindAggregate, rewindId);
    const events = rewindAggregate.decide({ type: 'finish', data: { outcome, changes: total, conflicts } }, state);
    const change: AnyStreamChange = streamChange({ aggregate: rewindAggregate, id: rewindId, version, events });
    const command = commandOf(rewindId, 'finish', rewindId, version + events.length);
    const statements = [this.store.ending(rewindId, outcome)];
    await this.log
      .append([change], { metadata: this.metadataOf(rewind, command), command, statements })
      .catch((error: unknown) => {
        if (!(error instanceof CommandRepeated) && !(error instanceof VersionConflict)) throw error;
      });
    this.logger.info('a rewind has ended', { rewindId, outcome, changes: total, conflicts });
  }

  /** The events are of the one who asked, and of now: a card of the past shows what stood in it then. */
  private metadataOf({ scope, asked }: RunningRewind, { id }: CommandRecord): EventMetadata {
    return {
      actorId: asked.userId,
      sessionId: asked.sessionId,
      tokenId: asked.tokenId,
      ip: asked.ip,
      commandId: id,
      correlationId: asked.requestId,
      causationId: scope.rewindId,
      at: this.now().toISOString(),
    };
  }

  private async prune(): Promise<void> {
    if (performance.now() - this.prunedAt < PRUNE_EVERY_MS) return;
    await this.store.prunePreviews();
    this.prunedAt = performance.now();
  }
}

/** The command of one record in one rewind, the same however often it is tried. */
function commandOf(rewindId: string, part: string, id: string, version: number): CommandRecord {
  const digest = createHash('sha256')
    .update(JSON.stringify([rewindId, part]))
    .digest();
  return { id: uuidFromDigest(digest), mac: NO_BODY_MAC, outcome: { ok: true, id, version } };
}
