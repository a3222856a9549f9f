import type { AuthorizationRow } from '#contracts';
import { DomainError } from '#kernel';
import type { AddressRule } from '../addresses/address-rule.js';
import type { CoreClient } from '../core/core-client.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { Authorizations } from '../requests/authorizations.js';
import type { Who } from '../requests/request-context.js';
import { invitationHash } from '../requests/token.js';
import type { SessionsOfPeople } from '../sessions/sessions.js';
import type { AuditTrail } from './audit-trail.js';
import type { Credentials } from './credentials.js';
import type { PasswordHasher } from './password-hasher.js';
import { acceptablePassword } from './password-policy.js';
import type { Reauthentication } from './reauthentication.js';

export interface PasswordsParts {
  readonly database: GatewayDatabase;
  readonly credentials: Credentials;
  readonly hasher: PasswordHasher;
  readonly sessions: SessionsOfPeople;
  readonly audit: AuditTrail;
  readonly reauthentication: Reauthentication;
  readonly authorizations: Authorizations;
  readonly addressRule: AddressRule;
  readonly core: CoreClient;
}

/** People's own dealings with their passwords. */
export class Passwords {
  constructor(private readonly parts: PasswordsParts) {}

  /**
   * Changes the caller's password and ends his other sessions. Throws `password-too-weak`, `invalid-credentials` when the
   * current one is wrong, which counts as a guess, and `too-many-attempts`.
   */
  async change(who: Who, currentPassword: string, newPassword: string): Promise<void> {
    const { userId } = who.caller;
    const accepted = acceptablePassword(newPassword, 'newPassword');
    await this.parts.reauthentication.require(who, { password: currentPassword });
    const passwordHash = await this.parts.hasher.hash(accepted);
    await this.parts.database.transaction(async (trx) => {
      await this.parts.credentials.set(trx, userId, passwordHash);
      await this.parts.sessions.endAll(trx, { userId, ip: who.ip, reason: 'password-changed' }, who.sessionId);
      await this.parts.audit.record(trx, 'password.changed', { actorId: userId, ip: who.ip });
    });
  }

  /**
   * Sets the first password of an invited person; gives his id. Throws `not-found` for an invitation that is not open (or whose
   * person is deactivated), `ip-not-allowed` as signing in would, `password-too-weak`, and `dependency-unavailable` when core does
   * not answer; the invitation then stays open.
   */
  async acceptInvitation(token: string, password: string, { ip, requestId }: { ip: string; requestId: string }): Promise<string> {
    const hash = invitationHash(token);
    const invitedId = hash === null ? null : await this.parts.credentials.invited(hash);
    if (hash === null || invitedId === null) throw new DomainError('not-found');
    const status = await this.#admitted(invitedId, ip);
    const passwordHash = await this.parts.hasher.hash(acceptablePassword(password, 'password'));
    // Core first, as with every account: what fails between leaves an open invitation, which completes it.
    if (status === 'invited') {
      const caller = { userId: invitedId, sessionId: null, tokenId: null, ip };
      await this.parts.core.command('ActivateUser', { requestId, caller }, { targetId: invitedId });
    }
    return this.parts.database.transaction(async (trx) => {
      const userId = await this.parts.credentials.accept(trx, hash);
      if (userId === null) throw new DomainError('not-found');
      await this.parts.credentials.set(trx, userId, passwordHash);
      await this.parts.audit.record(trx, 'invitation.accepted', { actorId: userId, ip });
      return userId;
    });
  }

  async #admitted(userId: string, ip: string): Promise<AuthorizationRow['status']> {
    const authorization = await this.parts.authorizations.current(userId, Number.MAX_SAFE_INTEGER);
    if (authorization === null || authorization.row.status === 'deactivated') throw new DomainError('not-found');
    const { isAdmin, settings, authzVersion } = authorization.row;
    if (this.parts.addressRule.admits({ ip, isAdmin, via: 'session' }, settings, authzVersion)) return authorization.row.status;
    await this.parts.audit.noteOften('address.refused', { actorId: userId, ip, details: { via: 'invitation' } });
    throw new DomainError('ip-not-allowed');
  }
}
