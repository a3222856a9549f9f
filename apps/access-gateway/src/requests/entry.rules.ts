import { requiresSecondFactor } from '../second-factors/required-factor.js';
import type { Authorization } from './authorizations.js';
import type { LiveToken } from './live-tokens.js';
import type { RouteRules } from './route-rules.js';

/** An invited person who holds a session has taken the invitation up: a credential is what makes him active. */
export function isStanding(token: LiveToken, { row }: Authorization): boolean {
  return row.status !== 'deactivated' && row.epoch === token.epoch;
}

/** The code by which the route is closed to the person, or to this token of his; null when it is open. */
export function refusalByRights(token: LiveToken, authorization: Authorization, rules: RouteRules): string | null {
  const { row } = authorization;
  if (token.scopes !== null && row.settings.api.adminsOnly && !row.isAdmin) return 'api-admins-only';
  if (lacksSecondFactor(token, authorization, rules)) return 'second-factor-required';
  return refusalByRules(token, authorization, rules);
}

function lacksSecondFactor(token: LiveToken, { row }: Authorization, rules: RouteRules): boolean {
  if (token.scopes !== null || token.hasSecondFactor || rules.withoutSecondFactor === true) return false;
  return requiresSecondFactor(row);
}

function refusalByRules(token: LiveToken, { principal }: Authorization, { scope, right, anyOf }: RouteRules): string | null {
  const holds = ({ subject, action }: NonNullable<RouteRules['right']>): boolean =>
    principal.rights.level(subject, action) !== 'forbidden';
  if (anyOf !== undefined) {
    const inScope = anyOf.filter((one) => token.scopes === null || token.scopes.includes(one.scope));
    if (inScope.length === 0) return 'scope-missing';
    return inScope.some((one) => holds(one.right)) ? null : 'forbidden';
  }
  if (token.scopes !== null && scope !== 'any' && (scope === undefined || !token.scopes.includes(scope))) return 'scope-missing';
  return right !== undefined && !holds(right) ? 'forbidden' : null;
}
