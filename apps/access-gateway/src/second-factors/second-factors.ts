import { sql, type Transaction } from 'kysely';
import { DomainError } from '#kernel';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { Who } from '../requests/request-context.js';
import type { SessionsOfPeople } from '../sessions/sessions.js';
import { matchingStep, newRecoveryCodes, newTotpSecret, otpauthUrl, typedCode } from './codes.js';
import type { FactorKey } from './factor-key.js';

/** How long a secret that was given out waits for its first code. */
const PENDING_LIFETIME = '1 hour';

/** A person's second factor as the database has it, with the database's time: all gateways judge codes by one clock. */
export interface StoredFactor {
  readonly userId: string;
  readonly sealedSecret: string;
  readonly lastStep: number;
  readonly nowMs: number;
}

/** A code that fits. It is used up, and by that good once, with `use`. */
export type FactorUse =
  | { readonly kind: 'totp'; readonly userId: string; readonly step: number }
  | { readonly kind: 'recovery-code'; readonly userId: string; readonly hash: Buffer };

const FACTOR_SQL = `
  SELECT user_id AS "userId", sealed_secret AS "sealedSecret", last_step AS "lastStep",
         (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "nowMs"
  FROM access.second_factors WHERE user_id = $1`;
const CONFIRMED_SQL = `${FACTOR_SQL} AND confirmed_at IS NOT NULL`;
const PENDING_SQL = `${FACTOR_SQL} AND confirmed_at IS NULL AND created_at > clock_timestamp() - interval '${PENDING_LIFETIME}'`;

export interface SecondFactorsParts {
  readonly database: GatewayDatabase;
  readonly key: FactorKey;
  readonly sessions: SessionsOfPeople;
  readonly audit: AuditTrail;
}

/** People's second factors: a TOTP secret, and recovery codes for when the app is lost. */
export class SecondFactors {
  constructor(private readonly parts: SecondFactorsParts) {}

  /** Gives a secret, which counts from its confirmation on; an earlier pending one is replaced. Throws `second-factor-exists`. */
  async begin(userId: string, account: string): Promise<{ secret: string; otpauthUrl: string }> {
    const secret = newTotpSecret();
    const sealed = { sealed_secret: this.parts.key.seal(userId, secret) };
    const begun = await this.parts.database.db
      .insertInto('access.second_factors')
      .values({ user_id: userId, ...sealed })
      .onConflict((conflict) =>
        conflict
          .column('user_id')
          .doUpdateSet({ ...sealed, last_step: 0, created_at: sql<Date>`clock_timestamp()` })
          .where(sql<boolean>`second_factors.confirmed_at IS NULL`),
      )
      .returning('user_id')
      .executeTakeFirst();
    if (begun === undefined) throw new DomainError('second-factor-exists');
    return { secret, otpauthUrl: otpauthUrl(secret, account) };
  }

  /**
   * Puts the pending secret in force with its first code; gives the recovery codes, which are not to be had again. Sessions begun
   * without the factor end, but the one that sets it. Throws `not-found` when nothing is pending, `invalid-credentials`.
   */
  async confirm(who: Who, text: string): Promise<string[]> {
    const { userId } = who.caller;
    const pending = await this.#find('pending-second-factor', PENDING_SQL, userId);
    if (pending === null) throw new DomainError('not-found', { detail: 'Begin with POST /v1/me/totp, within an hour.' });
    const use = this.#totp(pending, text);
    if (use === null)
      throw new DomainError('invalid-credentials', { detail: 'Check the clock of the device and try the next code.' });
    const codes = newRecoveryCodes();
    await this.parts.database.transaction(async (trx) => {
      const set = await trx
        .updateTable('access.second_factors')
        .set({ confirmed_at: sql<Date>`clock_timestamp()`, last_step: use.step })
        .where('user_id', '=', userId)
        .where('confirmed_at', 'is', null)
        .where('sealed_secret', '=', pending.sealedSecret)
        .returning('user_id')
        .executeTakeFirst();
      if (set === undefined) throw new DomainError('not-found');
      await trx.deleteFrom('access.recovery_codes').where('user_id', '=', userId).execute();
      const hashes = codes.map((code) => this.parts.key.hashOf(userId, typedCode(code)?.code ?? ''));
      await trx
        .insertInto('access.recovery_codes')
        .values(hashes.map((hash) => ({ code_hash: hash, user_id: userId })))
        .execute();
      await this.parts.sessions.endAll(trx, { userId, ip: who.ip, reason: 'second-factor-changed' }, who.sessionId);
      await this.parts.audit.record(trx, 'second-factor.set', { actorId: userId, ip: who.ip });
    });
    return codes;
  }

  /** Removes a person's factor and recovery codes, pending or in force. False when he had none. */
  async remove(trx: Transaction<GatewaySchema>, userId: string, by: { actorId: string; ip: string }): Promise<boolean> {
    await trx.deleteFrom('access.recovery_codes').where('user_id', '=', userId).execute();
    const removed = await trx
      .deleteFrom('access.second_factors')
      .where('user_id', '=', userId)
      .returning('confirmed_at')
      .executeTakeFirst();
    if (removed === undefined) return false;
    await this.parts.audit.record(trx, 'second-factor.removed', { ...by, details: { userId } });
    return true;
  }

  /** The factor in force; null when there is none. */
  inForce(userId: string): Promise<StoredFactor | null> {
    return this.#find('second-factor', CONFIRMED_SQL, userId);
  }

  /** What a code of the app, or a recovery code, is good for now; null for a wrong or used one. */
  async judge(factor: StoredFactor, text: string): Promise<FactorUse | null> {
    const typed = typedCode(text);
    if (typed?.kind !== 'recovery') return this.#totp(factor, text);
    const hash = this.parts.key.hashOf(factor.userId, typed.code);
    const found = await this.parts.database.query(
      'recovery-code',
      'SELECT 1 FROM access.recovery_codes WHERE code_hash = $1 AND user_id = $2 AND used_at IS NULL',
      [hash, factor.userId],
    );
    return found.length === 0 ? null : { kind: 'recovery-code', userId: factor.userId, hash };
  }

  /** Uses a code up. False when another request was faster. */
  async use(trx: Transaction<GatewaySchema>, use: FactorUse): Promise<boolean> {
    const used =
      use.kind === 'totp'
        ? await trx
            .updateTable('access.second_factors')
            .set({ last_step: use.step })
            .where('user_id', '=', use.userId)
            .where('confirmed_at', 'is not', null)
            .where('last_step', '<', use.step)
            .returning('user_id')
            .executeTakeFirst()
        : await trx
            .updateTable('access.recovery_codes')
            .set({ used_at: sql<Date>`clock_timestamp()` })
            .where('code_hash', '=', use.hash)
            .where('user_id', '=', use.userId)
            .where('used_at', 'is', null)
            .returning('user_id')
            .executeTakeFirst();
    return used !== undefined;
  }

  #totp(factor: StoredFactor, text: string): Extract<FactorUse, { kind: 'totp' }> | null {
    const typed = typedCode(text);
    if (typed?.kind !== 'totp') return null;
    const step = matchingStep(this.parts.key.open(factor.userId, factor.sealedSecret), typed.code, factor.nowMs);
    return step === null || step <= factor.lastStep ? null : { kind: 'totp', userId: factor.userId, step };
  }

  async #find(name: string, text: string, userId: string): Promise<StoredFactor | null> {
    const rows = await this.parts.database.query<StoredFactor & Record<string, unknown>>(name, text, [userId]);
    return rows[0] ?? null;
  }
}
