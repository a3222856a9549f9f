import { v7 as uuidv7 } from 'uuid';
import { sql } from 'kysely';
import { DomainError } from '#kernel';
import type { AuthorizationRow, SecuritySettings } from '#contracts';
import type { AddressRule } from '../addresses/address-rule.js';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { PasswordHasher } from '../accounts/password-hasher.js';
import { normalPassword } from '../accounts/password-policy.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { SESSION_LIFETIME } from '../requests/live-tokens.js';
import { newToken } from '../requests/token.js';
import type { FactorUse, SecondFactors } from '../second-factors/second-factors.js';
import { neighbourhood, type Guess, type SignInThrottle } from './sign-in-throttle.js';

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** A code of the person's app, or a recovery code. */
  readonly totp?: string | undefined;
}

export interface SignedIn {
  readonly token: string;
  readonly expiresAt: Date;
  readonly user: { readonly id: string; readonly email: string; readonly name: string; readonly isAdmin: boolean };
}

interface Account {
  settings: SecuritySettings;
  authz_version: number;
  id: string | null;
  email: string | null;
  name: string | null;
  status: AuthorizationRow['status'] | null;
  is_admin: boolean | null;
  epoch: number | null;
  held: boolean | null;
  password_hash: string | null;
  sealed_secret: string | null;
  last_step: number | null;
  now_ms: number;
}

export interface SignInParts {
  readonly database: GatewayDatabase;
  readonly hasher: PasswordHasher;
  readonly throttle: SignInThrottle;
  readonly addressRule: AddressRule;
  readonly audit: AuditTrail;
  readonly secondFactors: SecondFactors;
}

/** One sign-in under way. */
interface Attempt {
  readonly account: Account;
  readonly guess: Guess;
  readonly listed: boolean;
  /** It is counted already, and taken back when it is no failure. */
  readonly failureId: string;
}

/** The same statement whether the name exists or not. */
const ACCOUNT_SQL = `
  SELECT sec.settings, sec.authz_version, u.id, u.email, u.name, p.status, p.is_admin, p.epoch, c.password_hash,
         f.sealed_secret, f.last_step, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms,
         CASE WHEN u.id IS NULL THEN false ELSE watch.is_held(u.id) END AS held
  FROM read.security sec
  LEFT JOIN read.users u ON lower(u.email) = lower($1)
  LEFT JOIN read.principals p ON p.user_id = u.id
  LEFT JOIN access.credentials c ON c.user_id = u.id
  LEFT JOIN access.second_factors f ON f.user_id = u.id AND f.confirmed_at IS NOT NULL`;

/** Signs people in: address rule, throttle, credentials, state, in this order. */
export class SignIn {
  constructor(private readonly parts: SignInParts) {}

  /**
   * Throws `ip-not-allowed` from a refused address, whatever was sent, save an exempt administrator's right credentials;
   * `too-many-attempts`; `invalid-credentials`, alike for unknown names; `totp-required` to one who knows the password, where a
   * second factor is in force; `account-deactivated` to one who has both.
   */
  async signIn(credentials: Credentials, ip: string): Promise<SignedIn> {
    const email = credentials.email.normalize('NFC').trim().toLowerCase();
    const { throttle, hasher } = this.parts;
    const accountKey = await throttle.accountOf(email);
    return hasher.inTurn(neighbourhood(ip), async () => {
      const account = await this.#account(email);
      const guess = { account: accountKey, ip, userId: account.id, isAdmin: account.is_admin === true };
      const listed = this.#isListed(account, ip);
      const begun = await throttle.begin(guess);
      if ('waitSeconds' in begun) {
        await this.#refuse(account, guess, 'throttled');
        if (!listed) throw new DomainError('ip-not-allowed');
        throw new DomainError('too-many-attempts', { retryAfterSeconds: begun.waitSeconds });
      }
      const attempt: Attempt = { account, guess, listed, failureId: begun.failureId };
      const right = await hasher.verify(account.password_hash, normalPassword(credentials.password));
      if (!right) return this.#fail(attempt);
      return this.#admit(attempt, await this.#secondFactor(attempt, credentials.totp));
    });
  }

  /** After the right password: null where no second factor is in force. */
  async #secondFactor(attempt: Attempt, code: string | undefined): Promise<FactorUse | null> {
    const { account, guess, listed, failureId } = attempt;
    const { id: userId, sealed_secret: sealedSecret, last_step: lastStep, now_ms: nowMs } = account;
    if (userId === null || sealedSecret === null || lastStep === null) return null;
    if (code === undefined) {
      await this.parts.throttle.takeBack(failureId);
      await this.parts.audit.noteOften('second-factor.due', { actorId: userId, ip: guess.ip });
      // From a refused address only complete credentials tell anything.
      throw new DomainError(listed ? 'totp-required' : 'ip-not-allowed');
    }
    const use = await this.parts.secondFactors.judge({ userId, sealedSecret, lastStep, nowMs }, code);
    return use ?? this.#fail(attempt, true);
  }

  async #account(email: string): Promise<Account> {
    // PostgreSQL has no NUL in text; no account has one either.
    const rows = await this.parts.database.query<Account & Record<string, unknown>>('sign-in-account', ACCOUNT_SQL, [
      email.replaceAll('\0', '\ufffd'),
    ]);
    if (rows[0] === undefined) throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
    return rows[0];
  }

  #isListed(account: Account, ip: string): boolean {
    const { settings, authz_version: authzVersion } = account;
    return !settings.ipAllowList.enabled || this.parts.addressRule.lists(ip, settings, authzVersion);
  }

  async #admit(attempt: Attempt, factor: FactorUse | null): Promise<SignedIn> {
    const { account, guess, listed, failureId } = attempt;
    const { settings, id, email, name, epoch } = account;
    const isAdmin = account.is_admin === true;
    if (!listed && !(isAdmin && settings.ipAllowList.exemptAdmins)) {
      await this.parts.throttle.takeBack(failureId);
      await this.#refuse(account, guess, 'address');
      throw new DomainError('ip-not-allowed');
    }
    if (id === null || email === null || name === null || epoch === null) throw new DomainError('invalid-credentials');
    if (account.status === 'deactivated' || account.held !== false) {
      await this.parts.throttle.takeBack(failureId);
      await this.#refuse(account, guess, 'deactivated');
      throw new DomainError(listed ? 'account-deactivated' : 'ip-not-allowed');
    }
    const begun = await this.#begin({ userId: id, epoch, guess, factor });
    if (begun === null) return this.#fail(attempt, true);
    return { ...begun, user: { id, email, name, isAdmin } };
  }

  /** Null, and no session, when the code was used up by another request meanwhile. */
  async #begin(begin: {
    userId: string;
    epoch: number;
    guess: Guess;
    factor: FactorUse | null;
  }): Promise<{ token: string; expiresAt: Date } | null> {
    const { token, hash } = newToken('session');
    const { userId, epoch, guess, factor } = begin;
    const { database, throttle, audit, secondFactors } = this.parts;
    const id = uuidv7();
    const details = { sessionId: id, ...(factor === null ? {} : { secondFactor: factor.kind }) };
    return database.transaction(async (trx) => {
      if (factor !== null && !(await secondFactors.use(trx, factor))) return null;
      const { expires_at: expiresAt } = await trx
        .insertInto('access.sessions')
        .values({
          id,
          token_hash: hash,
          user_id: userId,
          epoch,
          ip: guess.ip,
          expires_at: sql<Date>`clock_timestamp() + ${SESSION_LIFETIME}::interval`,
        })
        .returning('expires_at')
        .executeTakeFirstOrThrow();
      await throttle.succeeded(trx, { ...guess, userId });
      await audit.record(trx, 'sign-in.succeeded', { actorId: userId, ip: guess.ip, details });
      return { token, expiresAt };
    });
  }

  async #fail({ guess, listed, failureId }: Attempt, atSecondFactor = false): Promise<never> {
    await this.parts.database.transaction(async (trx) => {
      await this.parts.throttle.failed(trx, failureId, atSecondFactor);
      await this.parts.audit.record(trx, 'sign-in.failed', {
        actorId: guess.userId,
        ip: guess.ip,
        details: { account: guess.account.toString('hex') },
      });
    });
    throw new DomainError(listed ? 'invalid-credentials' : 'ip-not-allowed');
  }

  /** Right credentials (or none judged) that did not get in. */
  async #refuse(account: Account, guess: Guess, reason: 'throttled' | 'address' | 'deactivated'): Promise<void> {
    await this.parts.audit.noteOften('sign-in.refused', {
      actorId: account.id,
      ip: guess.ip,
      details: { reason, account: guess.account.toString('hex') },
    });
  }
}
