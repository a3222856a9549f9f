import { DomainError, refuse } from '#kernel';
import type { Who } from '../requests/request-context.js';

/** What the gate answered, and the version of rights at that moment. */
export interface Admission {
  readonly decision: string;
  readonly authz_version: number;
}

/** The values of `watch.admit` after the subjects: whose request it is and from where. */
export function gateValues(who: Who): readonly unknown[] {
  return [who.requestId, who.sessionId, who.tokenId, who.ip];
}

/**
 * Lets an admitted disclosure pass. Throws `view-limit-reached` on a refusal, `unauthenticated` for a person who is not active (any
 * more), and `dependency-unavailable` when rights changed since this request was authorised: asked again, it is decided anew.
 */
export function requireAdmitted(who: Who, admission: Admission | undefined): void {
  if (admission === undefined) throw new Error('the gate gave no answer');
  requireSameRights(who, admission.authz_version);
  if (admission.decision === 'admitted') return;
  refuse(admission.decision === 'inactive' ? 'unauthenticated' : 'view-limit-reached');
}

export function requireSameRights(who: Who, authzVersion: number | undefined): void {
  if (authzVersion !== who.authorization.authzVersion) throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
}
