import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { SYSTEM_USER_ID } from '#contracts';
import { DomainError, uuidFromDigest, type Secret } from '#kernel';
import { refusalFor, restFor, type Logger } from '#platform';
import type { CoreClient } from '../core/core-client.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { AuditTrail } from './audit-trail.js';
import type { Credentials } from './credentials.js';
import type { PasswordHasher } from './password-hasher.js';
import { normalPassword } from './password-policy.js';

const RETRY_MS = 500;

export interface FirstAdministratorOptions {
  readonly email: string | undefined;
  readonly password: Secret<string> | undefined;
  readonly database: GatewayDatabase;
  readonly core: CoreClient;
  readonly credentials: Credentials;
  readonly hasher: PasswordHasher;
  readonly audit: AuditTrail;
  readonly logger: Logger;
}

/**
 * Sees to it that somebody can sign in. Runs in every gateway at every start and does something once: the command has a fixed
 * id, and a password that exists is left alone.
 */
export class FirstAdministrator {
  readonly #options: FirstAdministratorOptions;
  #exists = false;

  constructor(options: FirstAdministratorOptions) {
    this.#options = options;
  }

  /** Tries until there is one, or `signal` aborts. */
  async ensure(signal: AbortSignal): Promise<void> {
    let lastReason = '';
    while (
      !signal.aborted &&
      !(await this.#try((reason) => {
        if (reason !== lastReason) this.#options.logger.warn('no administrator yet', { reason });
        lastReason = reason;
      }))
    ) {
      await restFor(RETRY_MS, signal);
    }
  }

  /** For readiness: rejects as long as nobody can sign in. */
  async check(): Promise<void> {
    if (!this.#exists) this.#exists = await this.#options.credentials.exist();
    if (!this.#exists) throw new DomainError('dependency-unavailable', { detail: 'there is no administrator yet' });
  }

  async #try(report: (reason: string) => void): Promise<boolean> {
    const { email, password, credentials } = this.#options;
    try {
      this.#exists = await credentials.exist();
      if (this.#exists) return true;
      if (email === undefined || password === undefined) {
        report('PALISADE_ADMIN_EMAIL and PALISADE_ADMIN_PASSWORD are missing');
        return false;
      }
      await this.#make(email, password);
      this.#exists = true;
      return true;
    } catch (error) {
      const { code } = refusalFor(error);
      report(code);
      if (code === 'internal') this.#options.logger.error('making the administrator failed', { error });
      return false;
    }
  }

  async #make(email: string, password: Secret<string>): Promise<void> {
    const { database, credentials, hasher, audit, logger } = this.#options;
    const userId = await this.#account(email);
    const passwordHash = await hasher.hash(normalPassword(password.expose()));
    await database.transaction(async (trx) => {
      if (!(await credentials.setFirst(trx, userId, passwordHash))) return;
      await audit.record(trx, 'password.set', { actorId: SYSTEM_USER_ID, ip: null, details: { userId } });
    });
    logger.info('the first administrator can sign in');
  }

  /** The account in core: made now, or found when an earlier start made it and ended before the password was set. */
  async #account(email: string): Promise<string> {
    const body = { email, name: 'Administrator' };
    const caller = { userId: SYSTEM_USER_ID, sessionId: null, tokenId: null, ip: '127.0.0.1' };
    const digest = createHash('sha256').update(`CreateFirstAdministrator|${email}`).digest();
    try {
      const made = await this.#options.core.command(
        'CreateFirstAdministrator',
        { requestId: uuidv7(), caller },
        {
          commandId: uuidFromDigest(digest),
          rawBody: Buffer.from(JSON.stringify(body), 'utf8'),
          mediaType: 'application/json',
        },
      );
      return made.id;
    } catch (error) {
      const existing = error instanceof DomainError && error.code !== 'dependency-unavailable' ? await this.#find(email) : null;
      if (existing === null) throw error;
      return existing;
    }
  }

  async #find(email: string): Promise<string | null> {
    const rows = await this.#options.database.query<{ id: string }>(
      'administrator-by-email',
      'SELECT id FROM read.users WHERE lower(email) = lower($1) AND is_admin',
      [email],
    );
    return rows[0]?.id ?? null;
  }
}
