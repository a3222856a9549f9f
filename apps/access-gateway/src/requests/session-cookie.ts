import type { IncomingHttpHeaders } from 'node:http';

/** Browsers keep a `__Host-` cookie to this host alone, and only with Secure and Path=/ (RFC 6265bis section 4.1.3.2). */
export const SESSION_COOKIE = '__Host-palisade';
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Strict';

/** `Set-Cookie` for a session. It ends with the browser; how long the session lasts is the database's affair. */
export function sessionCookie(token: string): string {
  return `${SESSION_COOKIE}=${token}; ${ATTRIBUTES}`;
}

/** `Set-Cookie` that makes the browser forget the session. */
export const NO_SESSION_COOKIE = `${SESSION_COOKIE}=; ${ATTRIBUTES}; Max-Age=0`;

/** The session token in a `Cookie` header. Undefined when there is none, and when there are two: a browser of ours has one. */
export function cookieToken(header: string | undefined): string | undefined {
  const prefix = `${SESSION_COOKIE}=`;
  const found = (header ?? '').split(';').flatMap((part) => {
    const pair = part.trim();
    return pair.startsWith(prefix) ? [pair.slice(prefix.length)] : [];
  });
  return found.length === 1 ? found[0] : undefined;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a request that brings a cookie was made by a page of this host, or by the user himself. A browser says so in
 * `Sec-Fetch-Site`, which no page can write (W3C Fetch Metadata); what comes from another site, a sister's too, is refused
 * whatever it asks, for reading may open a card. Older browsers name the page's `Origin` where they may change something: it must
 * be the host that is asked. A change that brings neither is refused.
 */
export function isFromOwnPage(method: string, headers: IncomingHttpHeaders): boolean {
  const { 'sec-fetch-site': site, origin, host } = headers;
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  if (origin !== undefined) return isOriginOf(origin, host);
  return SAFE_METHODS.has(method);
}

function isOriginOf(origin: string, host: string | undefined): boolean {
  if (host === undefined || !/^https?:\/\/[^/@]+$/.test(origin)) return false;
  const own = `${origin.slice(0, origin.indexOf('://'))}://${host}`;
  // Parsed, both have no default port and one spelling of the name.
  return URL.canParse(origin) && URL.canParse(own) && new URL(origin).origin === new URL(own).origin;
}
