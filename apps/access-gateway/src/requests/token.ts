import { createHash, randomBytes } from 'node:crypto';

const TOKEN_BYTES = 32;
const BEARER = /^Bearer +(pls_([st])_[A-Za-z0-9_-]{43})$/i;
const SESSION = /^pls_s_[A-Za-z0-9_-]{43}$/;
const INVITATION = /^pls_i_[A-Za-z0-9_-]{43}$/;
const PREFIXES = { session: 'pls_s_', api: 'pls_t_', invitation: 'pls_i_' } as const;
export type TokenKind = keyof typeof PREFIXES;

/** A token and what is kept of it. 256 random bits need no salt and no slow hash. */
export interface NewToken {
  readonly token: string;
  readonly hash: Buffer;
}

/** A fresh token from the system's randomness; only its hash is to be stored. */
export function newToken(kind: TokenKind): NewToken {
  const token = PREFIXES[kind] + randomBytes(TOKEN_BYTES).toString('base64url');
  return { token, hash: tokenHash(token) };
}

/** SHA-256 of the token as the client holds it. */
export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** What a request shows as its right to ask. */
export interface ShownToken {
  readonly kind: 'session' | 'api';
  readonly hash: Buffer;
}

/** Reads `Authorization: Bearer …`; null for anything that is no token of ours. */
export function parseBearer(header: string | undefined): ShownToken | null {
  const match = BEARER.exec(header ?? '');
  if (match === null) return null;
  // The scheme is read in any case, the token's own prefix is not.
  const [, token = '', letter] = match;
  if (!token.startsWith(PREFIXES.session) && !token.startsWith(PREFIXES.api)) return null;
  return { kind: letter === 's' ? 'session' : 'api', hash: tokenHash(token) };
}

/** Reads the token of the session cookie; null for anything that is no session token of ours. */
export function parseSessionToken(text: string | undefined): ShownToken | null {
  return SESSION.test(text ?? '') ? { kind: 'session', hash: tokenHash(text ?? '') } : null;
}

/** The hash of an invitation token; null for what is none. */
export function invitationHash(text: string): Buffer | null {
  return INVITATION.test(text) ? tokenHash(text) : null;
}
