import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '#kernel';
import type { Logger } from '#platform';
import { AddressList } from '#policy';
import { AddressRule } from '../addresses/address-rule.js';
import type { AuditTrail } from '../accounts/audit-trail.js';
import { requiresSecondFactor } from '../second-factors/required-factor.js';
import { type Authorization, Authorizations } from './authorizations.js';
import { isStanding, refusalByRights } from './entry.rules.js';
import { LiveTokens, type LiveToken } from './live-tokens.js';
import { PresumedSessions, type Presumption } from './presumed-sessions.js';
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
  readonly #presumed = new PresumedSessions();

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
    const { shown, admission } = shownBy(arrival);
    if (shown === null) throw new DomainError('unauthenticated');
    const { who, token } = await this.#admit(shown, admission);
    this.#presumed.keep(shown, token);
    return who;
  }

  /**
   * Who asks, if his session lives and his rights are those in memory: for a statement that holds both against the database before it does
   * anything (ADR 39). Null where that is not known, or where he would be refused: `authenticate` decides then, and tells.
   */
  presume(arrival: Arrival): Presumption | null {
    const { shown, admission } = shownBy(arrival);
    const token = shown === null ? undefined : this.#presumed.get(shown);
    const authorization = token && this.authorizations.known(token.userId);
    if (shown === null || token === undefined || authorization === undefined) return null;
    const { ip, isForeign } = admission;
    if (isForeign || !isStanding(token, authorization) || !this.#admitsFrom(ip, token, authorization)) return null;
    if (refusalByRights(token, authorization, admission.rules) !== null) return null;
    const { authzVersion } = authorization.row;
    const session = { hash: shown.hash, authzVersion, needsSecondFactor: requiresSecondFactor(authorization.row) };
    const who = whoOf({ ...token, held: false }, authorization, { ...admission, ip });
    this.#shown.set(who, shown);
    return { who, session };
  }

  /** What a statement told of a session that was presumed: it lives, and is to be noted as used when it was not for long. */
  confirmed({ who }: Presumption, isUnseen: boolean): void {
    if (isUnseen && who.sessionId !== null) this.tokens.noteUse(who.sessionId);
  }

  /**
   * Decides again for a stream that is still open: the token, the address and the rights as they are now. Throws as
   * `authenticate`; then the stream ends. It is no use of the session: nobody is there because something happens.
   */
  async recheck(who: Who, rules: RouteRules): Promise<Who> {
    const shown = this.#shown.get(who);
    if (shown === undefined) throw new DomainError('unauthenticated');
    const present = await this.#admit(shown, {
      requestId: who.requestId,
      ip: who.ip,
      rules,
      action: null,
      byCookie: who.byCookie,
      isForeign: false,
      isUse: false,
    });
    return present.who;
  }

  async #admit(shown: ShownToken, arrival: Admission): Promise<{ who: Who; token: LiveToken }> {
    const { token, authorization } = await this.#standing(shown, arrival.isUse);
    if (token.held && arrival.rules.servedByGate !== true) throw new DomainError('unauthenticated');
    if (arrival.isForeign) throw new DomainError('cross-site-request');
    const ip = await this.#allowedAddress(token, authorization, arrival.ip);
    this.#requireRights(token, authorization, arrival);
    const who = whoOf(token, authorization, { ip, requestId: arrival.requestId, byCookie: arrival.byCookie });
    this.#shown.set(who, shown);
    return { who, token };
  }

  #requireRights(token: LiveToken, authorization: Authorization, { rules, ip, action }: Admission): void {
    const refusal = refusalByRights(token, authorization, rules);
    if (refusal === null) return;
    void this.refusals.note({ actorId: token.userId, ip, code: refusal.code, action });
    throw refusal;
  }

  async #standing(shown: ShownToken, isUse: boolean): Promise<{ token: LiveToken; authorization: Authorization }> {
    try {
      const token = await this.tokens.find(shown, isUse);
      const authorization = token === null ? null : await this.authorizations.current(token.userId, token.authzVersion);
      if (token === null) this.#presumed.drop(shown);
      if (token === null || authorization === null || !isStanding(token, authorization)) throw new DomainError('unauthenticated');
      return { token, authorization };
    } catch (error) {
      if (error instanceof DomainError) throw error;
      this.logger.error('a token could not be checked', { error });
      throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
    }
  }

  async #allowedAddress(token: LiveToken, authorization: Authorization, ip: string | null): Promise<string> {
    if (this.#admitsFrom(ip, token, authorization)) return ip;
    const details = { via: wayOf(token), id: token.id };
    await this.audit.noteOften('address.refused', { actorId: token.userId, ip, details });
    throw new DomainError('ip-not-allowed');
  }

  #admitsFrom(ip: string | null, token: LiveToken, { row }: Authorization): ip is string {
    if (ip === null) return false;
    const subject = { ip, isAdmin: row.isAdmin, via: wayOf(token) };
    if (!this.addressRule.admits(subject, row.settings, row.authzVersion)) return false;
    return token.cidrs.length === 0 || new AddressList(token.cidrs).holds(ip);
  }
}

/** The token that a request shows, null for none of ours, and what of the request is decided about beside it. */
function shownBy({ method, headers, ...rest }: Arrival): { readonly shown: ShownToken | null; readonly admission: Admission } {
  const { authorization, cookie } = headers;
  // Where both are sent, the header holds: only a program of ours can have written it.
  const byCookie = authorization === undefined;
  const shown = byCookie ? parseSessionToken(cookieToken(cookie)) : parseBearer(authorization);
  return { shown, admission: { ...rest, byCookie, isForeign: byCookie && !isFromOwnPage(method, headers), isUse: true } };
}

function wayOf(token: LiveToken): 'session' | 'token' {
  return token.scopes === null ? 'session' : 'token';
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
