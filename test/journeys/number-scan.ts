import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A place where a planted value was found. `spelling` names how it was written, never the value. */
export interface Leak {
  readonly place: string;
  readonly spelling: string;
  /** Which of the planted values, by the order of planting. */
  readonly index: number;
}

/** Bytes that stand before an occurrence that goes over the end of a piece of a file. Longer than any spelling. */
const OVERLAP = 256;
const PIECE = 4 * 1024 * 1024;

/**
 * Looks for planted numbers and e-mails in bytes, however they are spelt: the digits with anything people put between them, escaped
 * or encoded (URL, base64 at each alignment, hexadecimal, UTF-16), backwards, and as the usual unkeyed digests.
 */
export class NumberScan {
  readonly #numbers: string[] = [];
  readonly #emails: string[] = [];
  #needles: Needles | undefined;

  /** A number in E.164, with ten digits at the end that nothing else has. */
  plantNumber(number: string): string {
    this.#numbers.push(number);
    this.#needles = undefined;
    return number;
  }

  plantEmail(address: string): string {
    this.#emails.push(address);
    this.#needles = undefined;
    return address;
  }

  /** What a text or a run of bytes holds; no place more than once for one value and spelling. */
  scan(place: string, content: Buffer | string): Leak[] {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
    const needles = (this.#needles ??= new Needles(this.#numbers, this.#emails));
    const found = new Map<string, Leak>();
    for (const { spelling, index } of needles.in(bytes)) found.set(`${spelling} ${index}`, { place, spelling, index });
    return [...found.values()];
  }

  /** Every file below a folder, links followed, whatever it is called; the names as well. Counts what it read. */
  async scanFolder(folder: string): Promise<{ leaks: Leak[]; files: number; bytes: number }> {
    const leaks: Leak[] = [];
    const seen = new Set<string>();
    let bytes = 0;
    for (const file of filesBelow(folder, seen)) {
      leaks.push(...this.scan(`name of ${file}`, file));
      let rest = Buffer.alloc(0);
      try {
        for await (const piece of createReadStream(file, { highWaterMark: PIECE })) {
          bytes += (piece as Buffer).length;
          const content = Buffer.concat([rest, piece as Buffer]);
          leaks.push(...this.scan(file, content));
          rest = Buffer.from(content.subarray(Math.max(0, content.length - OVERLAP)));
        }
      } catch (error) {
        // A running database removes files while they are read; nothing else may go unread.
        if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
      }
    }
    return { leaks, files: seen.size, bytes };
  }
}

function* filesBelow(folder: string, seen: Set<string>): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    const real = realpathSync(path);
    if (seen.has(real)) continue;
    if (stats.isDirectory()) {
      yield* filesBelow(real, seen);
    } else if (stats.isFile()) {
      seen.add(real);
      yield real;
    }
  }
}

interface Hit {
  readonly spelling: string;
  readonly index: number;
}

/** Needles are told apart by their first bytes; none is shorter. */
const WINDOW = 8;

/** The bytes to look for, in small letters: what is compared is folded alike, so that case makes no difference. */
class Needles {
  readonly #tails = new Map<number, Hit>();
  /** One bit for each three bytes that a needle begins with: nearly every place is passed over by it. */
  readonly #beginnings = new Uint8Array(1 << 21);
  readonly #texts = new Map<string, Array<Hit & { readonly bytes: Buffer }>>();

  constructor(numbers: readonly string[], emails: readonly string[]) {
    numbers.forEach((number, index) => {
      const tail = number.replace(/\D/g, '').slice(-10);
      this.#tails.set(Number(tail), { spelling: 'digits', index });
      this.#tails.set(Number([...tail].reverse().join('')), { spelling: 'digits backwards', index });
      for (const [spelling, text] of numberSpellings(number)) this.#add(spelling, index, text);
    });
    emails.forEach((email, index) => {
      for (const [spelling, text] of emailSpellings(email)) this.#add(`e-mail, ${spelling}`, index, text);
    });
  }

  /** Everything found in these bytes. */
  *in(bytes: Buffer): Generator<Hit> {
    const folded = inSmallLetters(Buffer.from(bytes));
    yield* this.#textsIn(folded);
    yield* this.#digitsIn(folded);
    if (bytes.includes('%') || bytes.includes('\\')) yield* this.#digitsIn(unescaped(folded));
  }

  #add(spelling: string, index: number, text: string): void {
    const bytes = inSmallLetters(Buffer.from(text, 'latin1'));
    if (bytes.length < WINDOW) throw new Error(`too short to be looked for: ${spelling}`);
    const beginning = bytes.readUIntBE(0, 3);
    this.#beginnings[beginning >> 3] = (this.#beginnings[beginning >> 3] as number) | (1 << (beginning & 7));
    const key = bytes.toString('latin1', 0, WINDOW);
    this.#texts.set(key, [...(this.#texts.get(key) ?? []), { spelling, index, bytes }]);
  }

  *#textsIn(bytes: Buffer): Generator<Hit> {
    let three = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      three = ((three << 8) | (bytes[at] as number)) & 0xff_ff_ff;
      if (((this.#beginnings[three >> 3] as number) & (1 << (three & 7))) === 0) continue;
      const start = at - 2;
      for (const hit of this.#texts.get(bytes.toString('latin1', start, start + WINDOW)) ?? []) {
        if (bytes.subarray(start, start + hit.bytes.length).equals(hit.bytes)) yield hit;
      }
    }
  }

  /** The last ten digits, whatever stands between them; at every digit. */
  *#digitsIn(bytes: Buffer): Generator<Hit> {
    let [digits, count] = [0, 0];
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] as number;
      if (byte >= 0x30 && byte <= 0x39) {
        digits = (digits * 10 + byte - 0x30) % 10_000_000_000;
        count += 1;
        const hit = count < 10 ? undefined : this.#tails.get(digits);
        if (hit !== undefined) yield hit;
      } else if (BETWEEN_DIGITS[byte] === 0) {
        count = 0;
      }
    }
  }
}

/**
 * What may stand between the digits of a number: white space, dashes, brackets, points, underscores, the zero bytes of UTF-16, and
 * whatever is not ASCII, such as a non-breaking space.
 */
const BETWEEN_DIGITS = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x80 || '\0\t\n\r ().+-_'.includes(String.fromCharCode(byte)) ? 1 : 0,
);

/** The letters of ASCII only: other bytes may be half of something. Changes the bytes it is given. */
function inSmallLetters(bytes: Buffer): Buffer {
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte >= 0x41 && byte <= 0x5a) bytes[at] = byte + 0x20;
  }
  return bytes;
}

/** URL encoding and the escapes of JSON, undone. */
function unescaped(folded: Buffer): Buffer {
  const byteOf = (_: string, code: string): string => String.fromCharCode(Number.parseInt(code, 16));
  return Buffer.from(folded.toString('latin1').replace(/(?:%|\\u00|\\x)([0-9a-f]{2})/g, byteOf), 'latin1');
}

function* numberSpellings(number: string): Generator<[spelling: string, text: string]> {
  const tail = number.replace(/\D/g, '').slice(-10);
  for (const form of [tail, `8${tail}`, `7${tail}`, number]) yield* encodings(form);
  yield* digests([number, number.slice(1), tail, `8${tail}`]);
}

function* emailSpellings(email: string): Generator<[spelling: string, text: string]> {
  const lower = email.toLowerCase();
  yield ['plain', lower];
  yield ['URL-encoded', encodeURIComponent(lower).toLowerCase()];
  yield ['backwards', [...lower].reverse().join('')];
  yield ['UTF-16', Buffer.from(lower, 'utf16le').toString('latin1')];
  yield* encodings(email);
  yield* digests([email, lower]);
}

/** Base64 has three spellings of one text, by where it begins; the digits at its ends depend on the neighbours and are left out. */
function* encodings(text: string): Generator<[spelling: string, text: string]> {
  for (const lead of [0, 1, 2]) {
    const encoded = Buffer.from('\0'.repeat(lead) + text, 'latin1').toString('base64');
    const own = encoded.slice(lead === 0 ? 0 : lead + 1, -4);
    if (own.length < WINDOW) continue;
    yield ['base64', own];
    yield ['base64url', own.replaceAll('+', '-').replaceAll('/', '_')];
  }
  yield ['hexadecimal', Buffer.from(text, 'latin1').toString('hex')];
}

function* digests(forms: readonly string[]): Generator<[spelling: string, text: string]> {
  for (const form of forms) {
    for (const algorithm of ['sha256', 'sha1', 'md5']) {
      const digest = createHash(algorithm).update(form).digest();
      yield [algorithm, digest.toString('hex')];
      yield [`${algorithm} as base64`, digest.toString('base64').slice(0, -4)];
      yield [`${algorithm} as bytes`, digest.toString('latin1')];
    }
  }
}
