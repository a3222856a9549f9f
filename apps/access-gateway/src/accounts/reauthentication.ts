import { DomainError } from '#kernel';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { Who } from '../requests/request-context.js';
import type { SecondFactors } from '../second-factors/second-factors.js';
import { neighbourhood, type SignInThrottle } from '../sessions/sign-in-throttle.js';
import type { AuditTrail } from './audit-trail.js';
import type { Credentials } from './credentials.js';
import type { PasswordHasher } from './password-hasher.js';
import { normalPassword } from './password-policy.js';

export interface ReauthenticationParts {
  readonly database: GatewayDatabase;
  readonly credentials: Credentials;
  readonly hasher: PasswordHasher;
  readonly throttle: SignInThrottle;
  readonly secondFactors: SecondFactors;
  readonly audit: AuditTrail;
}

/** What a person shows to prove, in a session that is open already, that he is still the one who signed in. */
export type Proof = { readonly password: string } | { readonly code: string };

/** A session alone is not enough to change what one signs in with. */
export class Reauthentication {
  constructor(private readonly parts: ReauthenticationParts) {}

  /** Throws `invalid-credentials`, which counts as a failed sign-in, and `too-many-attempts`. */
  async require(who: Who, proof: Proof): Promise<void> {
    const { throttle, hasher } = this.parts;
    const account = await throttle.accountOf(who.authorization.email.normalize('NFC').trim().toLowerCase());
    const guess = { account, ip: who.ip, userId: who.caller.userId, isAdmin: who.principal.isAdmin };
    await hasher.inTurn(neighbourhood(who.ip), async () => {
      const begun = await throttle.begin(guess);
      if ('waitSeconds' in begun) throw new DomainError('too-many-attempts', { retryAfterSeconds: begun.waitSeconds });
      if (await this.#holds(who.caller.userId, proof)) return throttle.takeBack(begun.failureId);
      await this.parts.database.transaction(async (trx) => {
        await throttle.failed(trx, begun.failureId, 'code' in proof);
        await this.parts.audit.record(trx, 'sign-in.failed', {
          actorId: who.caller.userId,
          ip: who.ip,
          details: { account: account.toString('hex') },
        });
      });
      throw new DomainError('invalid-credentials');
    });
  }

  async #holds(userId: string, proof: Proof): Promise<boolean> {
    const { credentials, hasher, secondFactors, database } = this.parts;
    if ('password' in proof) {
      return hasher.verify(await credentials.passwordHashOf(userId), normalPassword(proof.password));
    }
    const factor = await secondFactors.inForce(userId);
    const use = factor === null ? null : await secondFactors.judge(factor, proof.code);
    return use !== null && database.transaction((trx) => secondFactors.use(trx, use));
  }
}
