import { DomainError } from '#kernel';
import { requiresSecondFactor } from '../second-factors/required-factor.js';
import type { Authorization } from './authorizations.js';
import type { LiveToken } from './live-tokens.js';
import type { RouteRules } from './route-rules.js';

/** An invited person who holds a session has taken the invitation up: a credential is what makes him active. */
export function isStanding(token: LiveToken, { row }: Authorization): boolean {
  return row.status !== 'deactivated' && row.epoch === token.epoch;
}

/** Why the route is closed to the person, or to this token of his; null when it is open. */
export function refusalByRights(token: LiveToken, authorization: Authorization, rules: RouteRules): DomainError | null {
  const { row } = authorization;
  if (token.scopes !== null && row.settings.api.adminsOnly && !row.isAdmin) return new DomainError('api-admins-only');
  if (lacksSecondFactor(token, authorization, rules)) return new DomainError('second-factor-required');
  return refusalByRules(token, authorization, rules);
}

function lacksSecondFactor(token: LiveToken, { row }: Authorization, rules: RouteRules): boolean {
  if (token.scopes !== null || token.hasSecondFactor || rules.withoutSecondFactor === true) return false;
  return requiresSecondFactor(row);
}

function refusalByRules(token: LiveToken, { principal }: Authorization, { scope, right, anyOf }: RouteRules): DomainError | null {
  const holds = ({ subject, action }: NonNullable<RouteRules['right']>): boolean =>
    principal.rights.level(subject, action) !== 'forbidden';
  if (anyOf !== undefined) {
    const inScope = anyOf.filter((one) => token.scopes === null || token.scopes.includes(one.scope));
    if (inScope.length === 0) return new DomainError('scope-missing');
    return inScope.some((one) => holds(one.right)) ? null : new DomainError('forbidden');
  }
  if (token.scopes !== null && scope !== 'any' && (scope === undefined || !token.scopes.includes(scope)))
    return new DomainError('scope-missing');
  return right !== undefined && !holds(right) ? new DomainError('forbidden') : null;
}
