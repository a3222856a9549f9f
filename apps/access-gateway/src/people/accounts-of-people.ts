import { sql, type Transaction } from 'kysely';
import type { AcceptedReply } from '#contracts';
import { DomainError } from '#kernel';
import { storable } from '#platform';
import { exceeds, type Grants } from '#policy';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { Credentials } from '../accounts/credentials.js';
import type { PasswordHasher } from '../accounts/password-hasher.js';
import { acceptablePassword } from '../accounts/password-policy.js';
import { commandIdOf, type CoreClient } from '../core/core-client.js';
import type { GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { parseJson, type CommandRequest } from '../http/index.js';
import type { Authorization, Authorizations } from '../requests/authorizations.js';
import type { Who } from '../requests/request-context.js';
import type { SecondFactors } from '../second-factors/second-factors.js';
import type { SessionsOfPeople } from '../sessions/sessions.js';

export interface AccountsParts {
  readonly database: GatewayDatabase;
  readonly core: CoreClient;
  readonly credentials: Credentials;
  readonly hasher: PasswordHasher;
  readonly sessions: SessionsOfPeople;
  readonly authorizations: Authorizations;
  readonly audit: AuditTrail;
  readonly secondFactors: SecondFactors;
}

/** Two stores, one act: the account in core, the credential here. A password never goes to core. */
export class AccountsOfPeople {
  constructor(private readonly parts: AccountsParts) {}

  /**
   * Makes a person in core, then the credential; a repeat of the command completes what was left. Without a password an
   * invitation is made, and its token given once. Throws what core refuses with, and `password-too-weak` before anything is
   * done.
   */
  async create(who: Who, request: CommandRequest): Promise<{ made: AcceptedReply; inviteToken?: string }> {
    const { password, rest } = withoutPassword(request);
    const passwordHash = password === undefined ? null : await this.parts.hasher.hash(acceptablePassword(password, 'password'));
    // Both under one command id: a key that is used again with a password, or without, names another body.
    const commandId = commandIdOf('CreateUser', who.caller.userId, rest);
    const made = await this.parts.core.command(password === undefined ? 'InviteUser' : 'CreateUser', who, { ...rest, commandId });
    const inviteToken = await this.parts.database.transaction(async (trx) => {
      await lockCredential(trx, made.id);
      const entry = { actorId: who.caller.userId, ip: who.ip, details: { userId: made.id } };
      if (passwordHash !== null) {
        if (await this.parts.credentials.setFirst(trx, made.id, passwordHash))
          await this.parts.audit.record(trx, 'password.set', entry);
        return undefined;
      }
      if (await this.parts.credentials.isBegun(trx, made.id)) return undefined;
      const token = await this.parts.credentials.invite(trx, made.id);
      await this.parts.audit.record(trx, 'invitation.created', entry);
      return token;
    });
    return inviteToken === undefined ? { made } : { made, inviteToken };
  }

  /**
   * Changes a person in core; a password in the body is set here and ends his sessions. Throws what core refuses with;
   * `scope-missing` when an API token sets a password;
   * `grant-exceeds-own` where the person has rights that the caller lacks, for whoever sets a password can act as its owner;
   * `own-privileges` on one's own.
   */
  async change(who: Who, userId: string, request: CommandRequest): Promise<AcceptedReply> {
    // Core would tell it after the body, for the password in it is judged here.
    if ((await this.parts.authorizations.current(userId, Number.MAX_SAFE_INTEGER)) === null) throw new DomainError('not-found');
    const { password, rest } = withoutPassword(request);
    if (password === undefined) return this.parts.core.command('ChangeUser', who, { ...rest, targetId: userId });
    if (who.tokenId !== null) throw new DomainError('scope-missing', { detail: 'An API token sets nobody’s password.' });
    const accepted = acceptablePassword(password, 'password');
    const { row } = await this.#refuseTakingOver(who, userId);
    const passwordHash = await this.parts.hasher.hash(accepted);
    const outcome = await this.parts.core.command('ChangeUser', who, { ...rest, targetId: userId });
    const activated = row.status === 'active' ? null : await this.parts.core.command('ActivateUser', who, { targetId: userId });
    await this.parts.database.transaction(async (trx) => {
      await this.parts.credentials.set(trx, userId, passwordHash);
      await this.parts.sessions.endAll(trx, { userId, ip: who.ip, reason: 'password-changed' });
      await this.parts.audit.record(trx, 'password.set', { actorId: who.caller.userId, ip: who.ip, details: { userId } });
    });
    return activated ?? outcome;
  }

  /**
   * A new invitation for a person without a password; the one before ends. Throws `not-found`, `already-active` when he has a
   * password, `already-deactivated`, and as `change` with a password.
   */
  async inviteAgain(who: Who, userId: string): Promise<string> {
    const owner = await this.#refuseTakingOver(who, userId);
    if (owner.row.status === 'deactivated')
      throw new DomainError('already-deactivated', { detail: 'Reactivate the person first.' });
    return this.parts.database.transaction(async (trx) => {
      await lockCredential(trx, userId);
      if (await this.parts.credentials.exists(trx, userId)) throw new DomainError('already-active');
      const token = await this.parts.credentials.invite(trx, userId);
      await this.parts.audit.record(trx, 'invitation.created', { actorId: who.caller.userId, ip: who.ip, details: { userId } });
      return token;
    });
  }

  /**
   * Removes the second factor of a person who has lost it, and ends his sessions. Throws `not-found` when he has none, and as
   * `change` with a password.
   */
  async removeSecondFactor(who: Who, userId: string): Promise<void> {
    await this.#refuseTakingOver(who, userId);
    await this.parts.database.transaction(async (trx) => {
      const removed = await this.parts.secondFactors.remove(trx, userId, { actorId: who.caller.userId, ip: who.ip });
      if (!removed) throw new DomainError('not-found');
      await this.parts.sessions.endAll(trx, { userId, ip: who.ip, reason: 'second-factor-changed' });
    });
  }

  async #refuseTakingOver(who: Who, userId: string): Promise<Authorization> {
    if (userId === who.caller.userId) {
      throw new DomainError('own-privileges', { detail: 'Change what you sign in with yourself under /v1/me.' });
    }
    const owner = await this.parts.authorizations.current(userId, Number.MAX_SAFE_INTEGER);
    if (owner === null) throw new DomainError('not-found');
    if (who.principal.isAdmin) return owner;
    const grants: Grants = owner.principal.rights.toJSON();
    if (owner.row.isAdmin || exceeds(who.principal.rights, grants).length > 0) throw new DomainError('grant-exceeds-own');
    return owner;
  }
}

/** Two requests at once make one credential. */
async function lockCredential(trx: Transaction<GatewaySchema>, userId: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`credential ${userId}`}, 0))`.execute(trx);
}

/** Takes `password` out of the body. What is no JSON object goes to core as it came, to be refused there after the rights. */
function withoutPassword(request: CommandRequest): { password?: string; rest: CommandRequest } {
  const body = storable(parseJson({ bytes: request.rawBody, mediaType: request.mediaType }));
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, 'password')) return { rest: request };
  const { password, ...others } = body as Record<string, unknown>;
  if (typeof password !== 'string') {
    throw new DomainError('validation-failed', {
      errors: [{ path: 'password', code: 'invalid-type', message: 'Wrong type, or missing.' }],
    });
  }
  return { password, rest: { ...request, rawBody: Buffer.from(JSON.stringify(others), 'utf8') } };
}
