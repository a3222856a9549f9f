import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import type { Alarm } from '#contracts';
import { DomainError, refuseField, uuidFromDigest, type Secret } from '#kernel';
import { targetFault } from '#platform';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { Who } from '../requests/request-context.js';
import type { DeliveryQueue } from './delivery-queue.js';
import { newWebhookSecret, type WebhookKeys } from './webhook-keys.js';

/** Live webhooks of an installation. */
const MOST_WEBHOOKS = 50;
/** So long an Idempotency-Key stands for what was made under it: as long as core keeps outcomes of commands. */
const KEPT_DAYS = 7;
/** Webhooks that one key may stand for, one after another, each 7 days: as many as there may be and some that ended. */
const MOST_USES = 2 * MOST_WEBHOOKS;

export interface WebhookRequest {
  readonly url: string;
  readonly types: readonly Alarm['type'][];
}
export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly types: readonly string[];
  readonly createdAt: Date;
}

export interface WebhookStoreOptions {
  readonly database: GatewayDatabase;
  readonly audit: AuditTrail;
  readonly keys: WebhookKeys;
  readonly allowPrivateTargets: boolean;
}

/** The webhooks of the installation: whoever may edit them edits all. */
export class WebhookStore {
  constructor(readonly options: WebhookStoreOptions) {}

  /** The live ones, by id, after the one named. */
  async list(after: string | null, limit: number): Promise<Webhook[]> {
    const { database, keys } = this.options;
    const rows = await database.db
      .selectFrom('access.webhooks')
      .select(['id', 'sealed', 'types', 'created_at as createdAt'])
      .where('ended_at', 'is', null)
      .$if(after !== null, (query) => query.where('id', '>', after as string))
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(({ sealed, ...row }) => ({ ...row, url: sealed === null ? '' : keys.open(row.id, sealed).url }));
  }

  async exists(id: string): Promise<boolean> {
    const { database } = this.options;
    const found = await database.db
      .selectFrom('access.webhooks')
      .select('id')
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
    return found !== undefined;
  }

  /**
   * Makes a webhook and gives its secret this once: a repeat under the same Idempotency-Key answers without it, for 7 days. Nothing is
   * sent. Throws `validation-failed`, `target-not-public`, `capacity-reached`, and `idempotency-key-reused` when the key stands for
   * another one.
   */
  async create(
    who: Who,
    request: WebhookRequest,
    idempotencyKey: string | undefined,
  ): Promise<{ webhook: Webhook; secret: Secret<string> | undefined }> {
    const { database, keys, audit } = this.options;
    await this.#requireTarget(request.url);
    const { userId } = who.caller;
    const secret = newWebhookSecret();
    const url = new URL(request.url);
    const types = [...new Set(request.types)].sort();
    const requestHmac = keys.hmacOf(JSON.stringify([request.url, types]));
    return database.transaction(async (trx) => {
      // One after another: two of them cannot both be the last that there is room for.
      await sql`SELECT pg_advisory_xact_lock(hashtextextended('access.webhooks', 0))`.execute(trx);
      const id = idempotencyKey === undefined ? uuidv7() : await this.#keyedId(trx, userId, idempotencyKey);
      const before = await this.#madeBefore(trx, id);
      if (before !== undefined) {
        if (!before.requestHmac.equals(requestHmac)) throw new DomainError('idempotency-key-reused');
        return { webhook: { id, url: request.url, types: before.types, createdAt: before.createdAt }, secret: undefined };
      }
      await this.#requireRoom(trx);
      const { createdAt } = await trx
        .insertInto('access.webhooks')
        .values({
          ...{ id, types, request_hmac: requestHmac, created_by: userId },
          sealed: keys.seal(id, { url: request.url, secret }),
        })
        .returning('created_at as createdAt')
        .executeTakeFirstOrThrow();
      const details = { webhookId: id, host: url.host, types };
      await audit.record(trx, 'webhook.created', { actorId: userId, ip: who.ip, details });
      return { webhook: { id, url: request.url, types, createdAt }, secret };
    });
  }

  /** Ends a webhook, with what was still to be delivered to it and its secret. False when there is no such live one. */
  async end(who: Who, id: string): Promise<boolean> {
    const { database, audit } = this.options;
    return database.transaction(async (trx) => {
      const ended = await trx
        .updateTable('access.webhooks')
        .set({ sealed: null, ended_at: sql<Date>`clock_timestamp()` })
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .returning('id')
        .executeTakeFirst();
      if (ended === undefined) return false;
      await trx.deleteFrom('access.webhook_deliveries').where('webhook_id', '=', id).execute();
      await audit.record(trx, 'webhook.ended', { actorId: who.caller.userId, ip: who.ip, details: { webhookId: id } });
      return true;
    });
  }

  /** Has what is dead of a webhook tried again. Null when there is no such live one, else how many. */
  async retry(who: Who, id: string, queue: DeliveryQueue): Promise<number | null> {
    const { database, audit } = this.options;
    if (!(await this.exists(id))) return null;
    return database.transaction(async (trx) => {
      const retried = await queue.retry(trx, id);
      const details = { webhookId: id, retried };
      await audit.record(trx, 'webhook.retried', { actorId: who.caller.userId, ip: who.ip, details });
      return retried;
    });
  }

  async #requireTarget(url: string): Promise<void> {
    const fault = await targetFault(url, this.options.allowPrivateTargets);
    if (fault === 'malformed') refuseField('validation-failed', 'url', 'Give a URL such as https://host/path, without a login.');
    if (fault === 'not-public') refuseField('target-not-public', 'url', 'Name a host of the public internet.');
  }

  /** What the key stands for: also one that has ended, until the key is free again. */
  async #madeBefore(
    trx: Transaction<GatewaySchema>,
    id: string,
  ): Promise<{ types: string[]; createdAt: Date; requestHmac: Buffer } | undefined> {
    await trx
      .deleteFrom('access.webhooks')
      .where('ended_at', 'is not', null)
      .where(sql<boolean>`created_at < clock_timestamp() - make_interval(days => ${KEPT_DAYS})`)
      .execute();
    return trx
      .selectFrom('access.webhooks')
      .select(['types', 'created_at as createdAt', 'request_hmac as requestHmac'])
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** The id that the key stands for now: a webhook older than 7 days has set it free, and an id in line that nobody has is taken. */
  async #keyedId(trx: Transaction<GatewaySchema>, userId: string, idempotencyKey: string): Promise<string> {
    const inLine = Array.from({ length: MOST_USES }, (_, use) => idOf(userId, idempotencyKey, use));
    const made = await trx
      .selectFrom('access.webhooks')
      .select(['id', sql<boolean>`created_at > clock_timestamp() - make_interval(days => ${KEPT_DAYS})`.as('isKept')])
      .where('id', 'in', inLine)
      .execute();
    const taken = new Set(made.map(({ id }) => id));
    const id = made.find(({ isKept }) => isKept)?.id ?? inLine.find((one) => !taken.has(one));
    if (id === undefined) throw new DomainError('idempotency-key-reused');
    return id;
  }

  async #requireRoom(trx: Transaction<GatewaySchema>): Promise<void> {
    const { live } = await trx
      .selectFrom('access.webhooks')
      .select((of) => of.fn.countAll<number>().as('live'))
      .where('ended_at', 'is', null)
      .executeTakeFirstOrThrow();
    if (live >= MOST_WEBHOOKS) throw new DomainError('capacity-reached');
  }
}

function idOf(userId: string, idempotencyKey: string, use: number): string {
  return uuidFromDigest(
    createHash('sha256')
      .update(JSON.stringify([userId, 'CreateWebhook', idempotencyKey, ...(use === 0 ? [] : [use])]))
      .digest(),
  );
}
