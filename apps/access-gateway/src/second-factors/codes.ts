import { Secret as OtpSecret, TOTP } from 'otpauth';

/** RFC 6238 with what every authenticator app takes: SHA-1, 6 digits, 30 s; codes of the step before and after pass as well. */
const SETTINGS = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
const WINDOW_STEPS = 1;
const ISSUER = 'Palisade';
/** As long as SHA-1's output (RFC 4226 section 4). */
const SECRET_BYTES = 20;
const RECOVERY_CODES = 10;
/** 80 bits: as hard to guess as a key, short enough to be written down. */
const RECOVERY_BYTES = 10;

/** What somebody typed: digits of an app, a code from his paper (normal form), or neither. */
export type TypedCode = { readonly kind: 'totp' | 'recovery'; readonly code: string };

/** A new secret, base32 (RFC 4648). */
export function newTotpSecret(): string {
  return new OtpSecret({ size: SECRET_BYTES }).base32;
}

/** The URL that an app reads from a QR code. */
export function otpauthUrl(secret: string, account: string): string {
  return totp(secret, account).toString();
}

/** The time step of which this is the code, near the time given (ms since 1970); null for a wrong one. */
export function matchingStep(secret: string, code: string, atMs: number): number | null {
  const delta = totp(secret).validate({ token: code, timestamp: atMs, window: WINDOW_STEPS });
  return delta === null ? null : TOTP.counter({ period: SETTINGS.period, timestamp: atMs }) + delta;
}

/** Ten new ones as they are shown: `abcd-efgh-ijkl-mnop`. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: RECOVERY_CODES }, () =>
    new OtpSecret({ size: RECOVERY_BYTES }).base32.toLowerCase().replace(/(.{4})(?!$)/g, '$1-'),
  );
}

/** Spaces, hyphens and case are the typist's own affair. Null for what can be neither kind of code. */
export function typedCode(text: string): TypedCode | null {
  const code = text.replace(/[\s-]/g, '').toUpperCase();
  if (/^[0-9]{6}$/.test(code)) return { kind: 'totp', code };
  return /^[A-Z2-7]{16}$/.test(code) ? { kind: 'recovery', code } : null;
}

function totp(secret: string, label = ''): TOTP {
  return new TOTP({ ...SETTINGS, secret: OtpSecret.fromBase32(secret), issuer: ISSUER, label });
}
