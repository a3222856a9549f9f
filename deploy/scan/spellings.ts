import { createHash } from 'node:crypto';

/** A way to write a value, and the value written so (one character a byte). */
export type Spelling = readonly [name: string, text: string];

/** Fewer digits than these stand in ids and times by chance. */
export const DIGITS_MIN = 10;
/** No text that is looked for is shorter, in bytes. */
export const TEXT_MIN = 8;

/** The last ten digits of a number: country code or trunk prefix make no difference. */
export function tailOf(number: string): string {
  return number.replace(/\D/g, '').slice(-DIGITS_MIN);
}

/** What is not found as digits with something between them: encodings and unkeyed digests of every usual way to write the number. */
export function* numberSpellings(number: string): Generator<Spelling> {
  const forms = numberForms(number);
  for (const form of forms) yield* encodings(form);
  yield* digests(forms);
}

/** An address as it is read, and in a URL. */
export function* plainSpellings(email: string): Generator<Spelling> {
  const lower = email.toLowerCase();
  yield ['plain', utf8(lower)];
  yield ['URL-encoded', encodeURIComponent(lower).toLowerCase()];
  yield ['escaped in JSON', utf8(lower.replace('@', '\\u0040'))];
}

/** An address in every form in which it could lie somewhere. */
export function* emailSpellings(email: string): Generator<Spelling> {
  const lower = email.toLowerCase();
  yield* plainSpellings(email);
  yield ['backwards', utf8([...lower].reverse().join(''))];
  yield ['UTF-16', Buffer.from(lower, 'utf16le').toString('latin1')];
  yield ['UTF-16, big end first', Buffer.from(lower, 'utf16le').swap16().toString('latin1')];
  yield* encodings(email);
  if (lower !== email) yield* encodings(lower);
  yield* digests([...new Set([email, lower])]);
}

/** Its bytes in UTF-8, one character a byte. */
function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** `+79161234567`, `79161234567`, `89161234567`, `9161234567`, and those with spaces, dashes and brackets. */
function numberForms(number: string): readonly string[] {
  const digits = number.replace(/\D/g, '');
  const tail = tailOf(number);
  const [a, b, c, d] = [tail.slice(0, 3), tail.slice(3, 6), tail.slice(6, 8), tail.slice(8)];
  const spaced = ['+7', '8'].flatMap((code) => [
    `${code} ${a} ${b} ${c} ${d}`,
    `${code} ${a} ${b}-${c}-${d}`,
    `${code} (${a}) ${b}-${c}-${d}`,
    `${code}(${a})${b}-${c}-${d}`,
    `${code}-${a}-${b}-${c}-${d}`,
  ]);
  return [...new Set([`+${digits}`, digits, tail, `8${tail}`, `7${tail}`, ...spaced])];
}

/** Base64 has three spellings of one text, by where it begins; the characters at its ends depend on the neighbours and are left out. */
function* encodings(text: string): Generator<Spelling> {
  const bytes = Buffer.from(text, 'utf8');
  for (const lead of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(lead), bytes]).toString('base64');
    const own = encoded.slice(lead === 0 ? 0 : lead + 1, -4);
    if (own.length < TEXT_MIN) continue;
    yield ['base64', own];
    yield ['base64url', own.replaceAll('+', '-').replaceAll('/', '_')];
  }
  yield ['hexadecimal', bytes.toString('hex')];
}

function* digests(forms: readonly string[]): Generator<Spelling> {
  for (const form of forms) {
    for (const algorithm of ['sha512', 'sha256', 'sha1', 'md5']) {
      const digest = createHash(algorithm).update(form).digest();
      yield [algorithm, digest.toString('hex')];
      yield [`${algorithm} as base64`, digest.toString('base64').slice(0, -4)];
      yield [`${algorithm} as base64url`, digest.toString('base64url').slice(0, -4)];
      yield [`${algorithm} as bytes`, digest.toString('latin1')];
    }
  }
}
