import { sql, type Kysely, type Transaction } from 'kysely';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { EndReason, GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { SESSION_IDLE } from '../requests/live-tokens.js';

export interface SessionRow {
  readonly id: string;
  readonly ip: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
}

/** Who ends a session, as the trail keeps it. */
export interface Ending {
  readonly userId: string;
  readonly ip: string | null;
  readonly reason: EndReason;
}

type Executor = Kysely<GatewaySchema> | Transaction<GatewaySchema>;

/** The sessions of people in the store. */
export class SessionsOfPeople {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly audit: AuditTrail,
  ) {}

  /** The person's live sessions, newest first (their ids are time-ordered), from the one after this id on. */
  async list(userId: string, { limit, after }: { limit: number; after: string | null }): Promise<SessionRow[]> {
    return (
      this.database.db
        .selectFrom('access.sessions')
        .select(['id', 'ip', 'created_at as createdAt', 'last_seen_at as lastSeenAt', 'expires_at as expiresAt'])
        .where('user_id', '=', userId)
        .where('ended_at', 'is', null)
        // Those from before a reactivation are dead, whoever did not end them.
        .where(sql<boolean>`epoch = (SELECT p.epoch FROM read.principals p WHERE p.user_id = ${userId})`)
        .where(sql<boolean>`expires_at > clock_timestamp() AND last_seen_at > clock_timestamp() - ${SESSION_IDLE}::interval`)
        .$if(after !== null, (query) => query.where('id', '<', after as string))
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
    );
  }

  /** Ends one of the person's sessions. False when he has no such live one. */
  async end(sessionId: string, ending: Ending): Promise<boolean> {
    return this.database.transaction(async (trx) => (await this.#end(trx, ending, { only: sessionId })) > 0);
  }

  /** Ends all of a person's sessions but the one named; gives their number. */
  endAll(trx: Executor, ending: Ending, except: string | null = null): Promise<number> {
    return this.#end(trx, ending, except === null ? {} : { except });
  }

  async #end(trx: Executor, ending: Ending, { only, except }: { only?: string; except?: string }): Promise<number> {
    const { userId, ip, reason } = ending;
    const ended = await trx
      .updateTable('access.sessions')
      .set({ ended_at: sql<Date>`clock_timestamp()`, ended_reason: reason })
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
      .$if(only !== undefined, (query) => query.where('id', '=', only as string))
      .$if(except !== undefined, (query) => query.where('id', '!=', except as string))
      .returning('id')
      .execute();
    for (const { id: sessionId } of ended) {
      await this.audit.record(trx, 'session.ended', { actorId: userId, ip, details: { sessionId, reason } });
    }
    return ended.length;
  }
}
