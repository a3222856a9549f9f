import type { Kysely, Transaction } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import type { GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';

export type AuditType =
  | 'sign-in.succeeded'
  | 'sign-in.failed'
  | 'sign-in.refused'
  | 'session.ended'
  | 'password.changed'
  | 'password.set'
  | 'invitation.created'
  | 'invitation.accepted'
  | 'second-factor.set'
  | 'second-factor.removed'
  | 'second-factor.due'
  | 'api-token.created'
  | 'api-token.ended'
  | 'address.refused'
  | 'access.cut-off'
  | 'exposure.read'
  | 'audit.read'
  | 'export.requested'
  | 'export.sent'
  | 'import.requested'
  | 'import.ended'
  | 'webhook.created'
  | 'webhook.ended'
  | 'webhook.retried'
  | 'request.refused';

/** One line of the trail: ids, codes and HMACs, no values of people. */
export interface AuditEntry {
  readonly actorId: string | null;
  readonly ip: string | null;
  readonly details?: Readonly<Record<string, unknown>>;
}

const QUIET_MS = 60_000;
const REMEMBERED_MAX = 10_000;

/** Writes `access.audit`, from where core copies each row once into the chained trail. */
export class AuditTrail {
  readonly #noted = new Map<string, number>();

  constructor(private readonly database: GatewayDatabase) {}

  /** Writes the line in the transaction of the act: the two stand or fall together. */
  async record(trx: Transaction<GatewaySchema> | Kysely<GatewaySchema>, type: AuditType, entry: AuditEntry): Promise<void> {
    const { actorId, ip, details = {} } = entry;
    await trx
      .insertInto('access.audit')
      .values({ id: uuidv7(), type, actor_id: actorId, ip, details: JSON.stringify(details) })
      .execute();
  }

  /** For what a client can repeat at will: the same actor, address and code (`details.code` or `reason`) are written at most once a minute. */
  async noteOften(type: AuditType, entry: AuditEntry): Promise<void> {
    const key = `${type} ${entry.actorId ?? ''} ${entry.ip ?? ''} ${String(entry.details?.['code'] ?? entry.details?.['reason'] ?? '')}`;
    const last = this.#noted.get(key);
    const now = performance.now();
    if (last !== undefined && now - last < QUIET_MS) return;
    if (this.#noted.size >= REMEMBERED_MAX) this.#noted.clear();
    this.#noted.set(key, now);
    try {
      await this.record(this.database.db, type, entry);
    } catch (error) {
      this.#noted.delete(key);
      throw error;
    }
  }
}
