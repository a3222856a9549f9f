import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { DomainError, refuseField, uuidFromDigest } from '#kernel';
import type { AuditTrail } from '../accounts/audit-trail.js';
import { formatRange, parseRange } from '#policy';
import type { GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { Who } from '../requests/request-context.js';
import type { Scope } from '../requests/scopes.js';
import { newToken } from '../requests/token.js';

/** So long an Idempotency-Key stands for what was made under it: as long as core keeps outcomes of commands. */
const KEPT_DAYS = 7;
/** Tokens made under one key, one a week at most; then another key is asked for. */
const MOST_USES = 100;

/** What an API token is asked to be. */
export interface TokenRequest {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: string | null;
  readonly cidrs: readonly string[];
}

export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly scopes: string[];
  readonly cidrs: string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

/** The caller's own API tokens. They live while he is active, and no longer. */
export class ApiTokens {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly audit: AuditTrail,
  ) {}

  /** The live ones, by id, after the one named. */
  async list(userId: string, after: string | null, limit: number): Promise<ApiToken[]> {
    return this.#select()
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
      .$if(after !== null, (query) => query.where('id', '>', after as string))
      .orderBy('id')
      .limit(limit)
      .execute();
  }

  /**
   * Makes a token and gives it this once: a repeat under the same Idempotency-Key answers without it (`token` undefined), for 7
   * days. Throws `invalid-cidr`, `validation-failed` for one that would have expired already, `idempotency-key-reused` when the key
   * stands for another token, and `idempotency-in-progress` while the first is being made.
   */
  async create(
    who: Who,
    request: TokenRequest,
    idempotencyKey: string | undefined,
  ): Promise<{ row: ApiToken; token: string | undefined }> {
    const { userId } = who.caller;
    const cidrs = canonicalCidrs(request.cidrs);
    const { token, hash } = newToken('api');
    return this.database.transaction(async (trx) => {
      const id = idempotencyKey === undefined ? uuidv7() : await this.#keyedId(trx, userId, idempotencyKey);
      const inserted = await trx
        .insertInto('access.api_tokens')
        .values({
          id,
          token_hash: hash,
          user_id: userId,
          epoch: who.authorization.epoch,
          name: request.name,
          scopes: [...request.scopes],
          cidrs,
          expires_at: request.expiresAt,
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .returning(sql<boolean>`coalesce(expires_at <= clock_timestamp(), false)`.as('hasExpired'))
        .executeTakeFirst();
      // Thrown within the transaction: nothing is made. A repeat of one that has expired since is answered all the same.
      if (inserted?.hasExpired === true) refuseField('validation-failed', 'expiresAt', 'Must be in the future.');
      const row = await this.#select(trx).where('id', '=', id).executeTakeFirstOrThrow();
      if (inserted === undefined) {
        if (!isSame(row, request, cidrs)) throw new DomainError('idempotency-key-reused');
        return { row, token: undefined };
      }
      const details = { tokenId: id, scopes: row.scopes };
      await this.audit.record(trx, 'api-token.created', { actorId: userId, ip: who.ip, details });
      return { row, token };
    });
  }

  /** Ends one of the caller's tokens. False when he has no such live one. */
  async end(who: Who, tokenId: string): Promise<boolean> {
    return this.database.transaction(async (trx) => {
      const ended = await trx
        .updateTable('access.api_tokens')
        .set({ ended_at: sql<Date>`clock_timestamp()`, ended_reason: 'ended-by-owner' })
        .where('id', '=', tokenId)
        .where('user_id', '=', who.caller.userId)
        .where('ended_at', 'is', null)
        .returning('id')
        .executeTakeFirst();
      if (ended === undefined) return false;
      await this.audit.record(trx, 'api-token.ended', { actorId: who.caller.userId, ip: who.ip, details: { tokenId } });
      return true;
    });
  }

  /** The id that the key stands for now: a token older than 7 days has set it free, and the next id in line is taken. */
  async #keyedId(trx: Transaction<GatewaySchema>, userId: string, idempotencyKey: string): Promise<string> {
    const lock = `api-token ${idOf(userId, idempotencyKey, 0)}`;
    const tried = await sql<{ held: boolean }>`SELECT pg_try_advisory_xact_lock(hashtextextended(${lock}, 0)) AS held`.execute(
      trx,
    );
    if (tried.rows[0]?.held !== true) throw new DomainError('idempotency-in-progress');
    for (let use = 0; use < MOST_USES; use += 1) {
      const id = idOf(userId, idempotencyKey, use);
      const old = await trx
        .selectFrom('access.api_tokens')
        .select('id')
        .where('id', '=', id)
        .where(sql<boolean>`created_at < clock_timestamp() - make_interval(days => ${KEPT_DAYS})`)
        .executeTakeFirst();
      if (old === undefined) return id;
    }
    throw new DomainError('idempotency-key-reused');
  }

  #select(executor: Pick<GatewayDatabase['db'], 'selectFrom'> = this.database.db) {
    return executor
      .selectFrom('access.api_tokens')
      .select(['id', 'name', 'scopes', 'cidrs', 'created_at as createdAt', 'expires_at as expiresAt']);
  }
}

/** Entries as they are kept; throws `invalid-cidr` naming each one that cannot be read. */
function canonicalCidrs(entries: readonly string[]): string[] {
  const ranges = entries.map(parseRange);
  const errors = ranges.flatMap((range, index) =>
    range === null
      ? [{ path: `cidrs.${index}`, code: 'invalid-cidr', message: 'Not an address or CIDR as they are written.' }]
      : [],
  );
  if (errors.length > 0) throw new DomainError('invalid-cidr', { errors });
  return ranges.filter((range) => range !== null).map(formatRange);
}

function idOf(userId: string, idempotencyKey: string, use: number): string {
  const parts = JSON.stringify([userId, 'CreateApiToken', idempotencyKey, ...(use === 0 ? [] : [use])]);
  return uuidFromDigest(createHash('sha256').update(parts).digest());
}

function isSame(row: ApiToken, request: TokenRequest, cidrs: readonly string[]): boolean {
  const shape = (name: string, scopes: readonly string[], ranges: readonly string[], expiresAt: number | null): string =>
    JSON.stringify([name, scopes, ranges, expiresAt]);
  const asked = request.expiresAt === null ? null : Date.parse(request.expiresAt);
  return (
    shape(row.name, row.scopes, row.cidrs, row.expiresAt?.getTime() ?? null) === shape(request.name, request.scopes, cidrs, asked)
  );
}
