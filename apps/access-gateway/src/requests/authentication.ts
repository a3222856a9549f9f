import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '#kernel';
import type { Logger } from '#platform';
import { AddressList } from '#policy';
import { AddressRule } from '../addresses/address-rule.js';
import type { AuditTrail } from '../accounts/audit-trail.js';
import { requiresSecondFactor } from '../second-factors/required-factor.js';
import { type Authorization, Authorizations } from './authorizations.js';
import { LiveTokens, type LiveToken } from './live-tokens.js';
import type { Refusals } from './refusals.js';
import type { Who } from './request-context.js';
import type { RouteRules } from './route-rules.js';
import { cookieToken, isFromOwnPage } from './session-cookie.js';
import { parseBearer, parseSessionToken, type ShownToken } from './token.js';

/** What of a request is looked at before its body is read. */
export interface Arrival {
  readonly requestId: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly ip: string | null;
  readonly rules: RouteRules;
  /** Method and template of the route, for the audit trail; null when it is decided anew. */
  readonly action: string | null;
}

interface Admission extends Omit<Arrival, 'method' | 'headers'> {
  readonly byCookie: boolean;
  /** Made by a page of another site, with the browser's cookie. */
  readonly isForeign: boolean;
  /** False where an open stream is decided about anew. */
  readonly isUse: boolean;
}

/**
 * Decides who asks and whether he may come in at all, from what the database says now: one statement when his rights are in
 * memory. Whatever goes wrong on the way is a refusal.
 */
export class Authentication {
  readonly #shown = new WeakMap<Who, ShownToken>();

  constructor(
    private readonly tokens: LiveTokens,
    private readonly authorizations: Authorizations,
    private readonly addressRule: AddressRule,
    private readonly audit: AuditTrail,
    private readonly refusals: Refusals,
    private readonly logger: Logger,
  ) {}

  /**
   * Throws, in this order: `unauthenticated`; `cross-site-request`; `ip-not-allowed`; `api-admins-only`;
   * `second-factor-required`; `scope-missing`; `forbidden`. `dependency-unavailable` when it cannot be told.
   */
  async authenticate(arrival: Arrival): Promise<Who> {
    const { authorization, cookie } = arrival.headers;
    // Where both are sent, the header holds: only a program of ours can have written it.
    const byCookie = authorization === undefined;
    const shown = byCookie ? parseSessionToken(cookieToken(cookie)) : parseBearer(authorization);
    if (shown === null) throw new DomainError('unauthenticated');
    const { method, headers, ...rest } = arrival;
    return this.#admit(shown, { ...rest, byCookie, isForeign: byCookie && !isFromOwnPage(method, headers), isUse: true });
  }

  /**
   * Decides again for a stream that is still open: the token, the address and the rights as they are now. Throws as
   * `authenticate`; then the stream ends. It is no use of the session: nobody is there because something happens.
   */
  async recheck(who: Who, rules: RouteRules): Promise<Who> {
    const shown = this.#shown.get(who);
    if (shown === undefined) throw new DomainError('unauthenticated');
    return this.#admit(shown, {
      requestId: who.requestId,
      ip: who.ip,
      rules,
      action: null,
      byCookie: who.byCookie,
      isForeign: false,
      isUse: false,
    });
  }

  async #admit(shown: ShownToken, arrival: Admission): Promise<Who> {
    const { token, authorization } = await this.#standing(shown, arrival.isUse);
    if (token.held && arrival.rules.servedByGate !== true) throw new DomainError('unauthenticated');
    if (arrival.isForeign) throw new DomainError('cross-site-request');
    const ip = await this.#allowedAddress(token, authorization, arrival.ip);
    this.#requireRights(token, authorization, arrival);
    const who = whoOf(token, authorization, { ip, requestId: arrival.requestId, byCookie: arrival.byCookie });
    this.#shown.set(who, shown);
    return who;
  }

  #requireRights(token: LiveToken, authorization: Authorization, { rules, ip, action }: Admission): void {
    try {
      refuseTokenOfOthers(token, authorization);
      refuseWithoutSecondFactor(token, authorization, rules);
      refuseByRules(token, authorization, rules);
    } catch (error) {
      if (error instanceof DomainError) void this.refusals.note({ actorId: token.userId, ip, code: error.code, action });
      throw error;
    }
  }

  async #standing(shown: ShownToken, isUse: boolean): Promise<{ token: LiveToken; authorization: Authorization }> {
    try {
      const token = await this.tokens.find(shown, isUse);
      const authorization = token === null ? null : await this.authorizations.current(token.userId, token.authzVersion);
      if (token === null || authorization === null) throw new DomainError('unauthenticated');
      const { status, epoch } = authorization.row;
      // An invited person who holds a session has taken the invitation up: a credential is what makes him active.
      if (status === 'deactivated' || epoch !== token.epoch) throw new DomainError('unauthenticated');
      return { token, authorization };
    } catch (error) {
      if (error instanceof DomainError) throw error;
      this.logger.error('a token could not be checked', { error });
      throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
    }
  }

  async #allowedAddress(token: LiveToken, { row }: Authorization, ip: string | null): Promise<string> {
    const via = token.scopes === null ? 'session' : 'token';
    const admitted = this.addressRule.admits({ ip, isAdmin: row.isAdmin, via }, row.settings, row.authzVersion);
    const own = token.cidrs.length === 0 || (ip !== null && new AddressList(token.cidrs).holds(ip));
    if (ip !== null && admitted && own) return ip;
    await this.audit.noteOften('address.refused', { actorId: row.userId, ip, details: { via, id: token.id } });
    throw new DomainError('ip-not-allowed');
  }
}

function refuseTokenOfOthers(token: LiveToken, { row }: Authorization): void {
  if (token.scopes !== null && row.settings.api.adminsOnly && !row.isAdmin) throw new DomainError('api-admins-only');
}

function refuseWithoutSecondFactor(token: LiveToken, { row }: Authorization, rules: RouteRules): void {
  if (token.scopes !== null || token.hasSecondFactor || rules.withoutSecondFactor === true) return;
  if (requiresSecondFactor(row)) throw new DomainError('second-factor-required');
}

function refuseByRules(token: LiveToken, { principal }: Authorization, { scope, right, anyOf }: RouteRules): void {
  const holds = ({ subject, action }: NonNullable<RouteRules['right']>): boolean =>
    principal.rights.level(subject, action) !== 'forbidden';
  if (anyOf !== undefined) {
    const inScope = anyOf.filter((one) => token.scopes === null || token.scopes.includes(one.scope));
    if (inScope.length === 0) throw new DomainError('scope-missing');
    if (!inScope.some((one) => holds(one.right))) throw new DomainError('forbidden');
    return;
  }
  if (token.scopes !== null && scope !== 'any' && (scope === undefined || !token.scopes.includes(scope))) {
    throw new DomainError('scope-missing');
  }
  if (right !== undefined && !holds(right)) throw new DomainError('forbidden');
}

type Way = Pick<Who, 'ip' | 'requestId' | 'byCookie'>;

function whoOf(token: LiveToken, { row, principal }: Authorization, { ip, requestId, byCookie }: Way): Who {
  const sessionId = token.scopes === null ? token.id : null;
  const tokenId = token.scopes === null ? null : token.id;
  return {
    requestId,
    caller: { userId: token.userId, sessionId, tokenId, ip },
    sessionId,
    tokenId,
    byCookie,
    scopes: token.scopes === null ? null : new Set(token.scopes),
    ip,
    principal,
    authorization: row,
    held: token.held,
  };
}
