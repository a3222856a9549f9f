import { sql } from 'kysely';
import { z } from 'zod';
import { STREAMS, SUBJECTS, userDeactivatedSchema, type CutoffApplied, type UserDeactivatedFact } from '#contracts';
import { consumeFacts, followFacts, publishFact, type Broker, type Consumption, type Fact, type Following } from '#messaging';
import { isUnavailable, type Logger } from '#platform';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { Authorizations } from '../requests/authorizations.js';

const HEARTBEAT_MS = 1_000;
/** As much as matters here of a fact of the log about a person. */
const deactivationSchema = z.object({ recordId: z.uuid() });

export interface CutOffOptions {
  readonly broker: Broker;
  readonly database: GatewayDatabase;
  readonly authorizations: Authorizations;
  readonly audit: AuditTrail;
  readonly instance: string;
  /** The database's time, as that of the refusal is. */
  readonly now: () => Date;
  readonly logger: Logger;
}

/**
 * What follows a hold. The hold itself stands in the database and every request meets it there; here open streams end at once
 * and, when the broker is back after an absence, what it told meanwhile is made up for.
 */
export class CutOffs {
  readonly #options: CutOffOptions;
  readonly #listeners = new Set<(userId: string) => void>();
  #running: readonly (Following | Consumption)[] = [];
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: CutOffOptions) {
    this.#options = options;
  }

  /** Live streams register here to end with their person; returns how to stop. The listener must not throw. */
  onDeactivated(listener: (userId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    const { broker, logger } = this.#options;
    const stream = STREAMS.access.name;
    const filterSubject = SUBJECTS.userDeactivated;
    this.#running = [
      // Each instance for its own memory; the past needs no telling, it stands in the database.
      followFacts({ broker, stream, filterSubject, startAfter: 'new', onFact: (fact) => this.#apply(fact) }),
      // Deactivated by an administrator: nothing to confirm, his streams end as well.
      followFacts({
        broker,
        stream: STREAMS.crm.name,
        filterSubject: SUBJECTS.crmEvent('UserDeactivated'),
        startAfter: 'new',
        onFact: ({ payload }) => {
          const parsed = deactivationSchema.safeParse(payload);
          if (parsed.success) this.#dropFromMemory(parsed.data.recordId);
          return Promise.resolve();
        },
      }),
      // One of all instances for the store, also for facts that came while none was running.
      consumeFacts({
        broker,
        stream,
        filterSubject,
        durable: 'gateway-cutoffs',
        maxAckPending: 16,
        isOutage: isUnavailable,
        onFact: (fact) => this.endInStore(userDeactivatedSchema.parse(fact.payload)),
        onPoison: (fact, reason) => {
          logger.error('cut-off set aside', { msgId: fact.msgId, reason });
          return Promise.resolve();
        },
      }),
    ];
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#heartbeat);
    await Promise.all(this.#running.map((running) => running.stop()));
  }

  /**
   * Ends the person's sessions and tokens of that epoch for good. A reactivated person's newer ones stay, however late the fact
   * comes. A message alone ends nothing: he is held, or has been since he was brought back.
   */
  async endInStore(fact: UserDeactivatedFact): Promise<void> {
    const { database, audit, logger } = this.#options;
    await database.transaction(async (trx) => {
      const { rows } = await sql`
        SELECT FROM read.principals AS p
        WHERE p.user_id = ${fact.userId} AND (p.epoch > ${fact.epoch} OR watch.is_held(p.user_id))`.execute(trx);
      if (rows.length === 0) {
        logger.error('a cut-off of somebody whom the gate does not hold was told of', { deactivationId: fact.id });
        return;
      }
      const ending = { ended_at: sql<Date>`clock_timestamp()`, ended_reason: 'deactivated' as const };
      const sessions = await trx
        .updateTable('access.sessions')
        .set(ending)
        .where('user_id', '=', fact.userId)
        .where('epoch', '<=', fact.epoch)
        .where('ended_at', 'is', null)
        .returning('id')
        .execute();
      const tokens = await trx
        .updateTable('access.api_tokens')
        .set(ending)
        .where('user_id', '=', fact.userId)
        .where('epoch', '<=', fact.epoch)
        .where('ended_at', 'is', null)
        .returning('id')
        .execute();
      if (sessions.length + tokens.length === 0) return;
      const details = { deactivationId: fact.id, sessions: sessions.length, tokens: tokens.length };
      await audit.record(trx, 'access.cut-off', { actorId: fact.userId, ip: null, details });
    });
  }

  async #apply({ payload, msgId }: Fact): Promise<void> {
    const parsed = userDeactivatedSchema.safeParse(payload);
    if (!parsed.success) {
      this.#options.logger.error('cut-off not understood', { msgId });
      return;
    }
    const { id, userId } = parsed.data;
    this.#dropFromMemory(userId);
    await this.#confirm(id);
  }

  #dropFromMemory(userId: string): void {
    this.#options.authorizations.drop(userId);
    for (const listener of [...this.#listeners]) listener(userId);
  }

  async #confirm(deactivationId: string): Promise<void> {
    const { broker, instance, now } = this.#options;
    const applied: CutoffApplied = {
      deactivationId,
      service: 'access-gateway',
      instance,
      at: now().toISOString(),
    };
    await publishFact(broker, SUBJECTS.cutoffApplied, `${deactivationId}:gateway:${instance}`, applied, {
      expectedStream: STREAMS.access.name,
    });
  }

  #beat(): void {
    const { broker, instance } = this.#options;
    if (!broker.isConnected) return;
    const service = 'access-gateway';
    broker.connected.publish(SUBJECTS.heartbeat(service), JSON.stringify({ service, instance }));
  }
}
