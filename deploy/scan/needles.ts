import { DIGITS_MIN, TEXT_MIN, tailOf, type Spelling } from './spellings.js';

export interface Hit {
  readonly spelling: string;
  /** Which of the values, by the order of planting. */
  readonly index: number;
}

const TAIL_MODULUS = 10 ** DIGITS_MIN;

/** What is looked for, in small letters: what is compared is folded alike, so that case makes no difference. */
export class Needles {
  readonly #tails = new Map<number, Hit>();
  /** One bit for each three bytes that a needle begins with: nearly every place is passed over by it. */
  readonly #beginnings = new Uint8Array(1 << 21);
  /** By the number that their first bytes are. */
  readonly #texts = new Map<number, Array<Hit & { readonly bytes: Buffer }>>();

  /** The digits of a number, whatever stands between them, and backwards. */
  addDigits(number: string, index: number): void {
    const tail = tailOf(number);
    this.#tails.set(Number(tail), { spelling: 'digits', index });
    this.#tails.set(Number([...tail].reverse().join('')), { spelling: 'digits backwards', index });
  }

  addTexts(spellings: Iterable<Spelling>, index: number, prefix = ''): void {
    for (const [spelling, text] of spellings) {
      const bytes = inSmallLetters(Buffer.from(text, 'latin1'));
      if (bytes.length < TEXT_MIN) throw new RangeError(`too short to be looked for: ${spelling}`);
      const beginning = bytes.readUIntBE(0, 3);
      this.#beginnings[beginning >> 3] = (this.#beginnings[beginning >> 3] as number) | (1 << (beginning & 7));
      const key = keyAt(bytes, 0);
      const hit = { spelling: `${prefix}${spelling}`, index, bytes };
      const known = this.#texts.get(key);
      if (known === undefined) this.#texts.set(key, [hit]);
      else known.push(hit);
    }
  }

  /** Everything found in these bytes. One walk through them: a data directory is many megabytes. */
  in(bytes: Buffer): Hit[] {
    const found: Hit[] = [];
    const beginnings = this.#beginnings;
    const [plain, decoded] = [new Digits(), new Digits()];
    let [three, skip] = [0, 0];
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] as number;
      three = ((three << 8) | (SMALL[byte] as number)) & 0xff_ff_ff;
      if (((beginnings[three >> 3] as number) & (1 << (three & 7))) !== 0) this.#addTextsAt(bytes, at - 2, found);
      if (plain.take(byte)) this.#addDigits(plain.tail, found);
      if (skip > 0) {
        skip -= 1;
        continue;
      }
      const escape = byte === 0x25 || byte === 0x5c ? escapeAt(bytes, at) : undefined;
      skip = escape === undefined ? 0 : escape.length - 1;
      if (decoded.take(escape?.byte ?? byte)) this.#addDigits(decoded.tail, found);
    }
    return found;
  }

  #addTextsAt(bytes: Buffer, start: number, found: Hit[]): void {
    if (start < 0 || start + TEXT_MIN > bytes.length) return;
    for (const hit of this.#texts.get(keyAt(bytes, start)) ?? []) {
      const there = inSmallLetters(Buffer.from(bytes.subarray(start, start + hit.bytes.length)));
      if (there.equals(hit.bytes)) found.push(hit);
    }
  }

  #addDigits(tail: number, found: Hit[]): void {
    const hit = this.#tails.get(tail);
    if (hit !== undefined) found.push(hit);
  }
}

/** The last ten digits of a walk, whatever stood between them. */
class Digits {
  tail = 0;
  #count = 0;

  /** True when the byte is a digit and ten are there. */
  take(byte: number): boolean {
    if (byte >= 0x30 && byte <= 0x39) {
      this.tail = (this.tail * 10 + byte - 0x30) % TAIL_MODULUS;
      this.#count += 1;
      return this.#count >= DIGITS_MIN;
    }
    if (BETWEEN_DIGITS[byte] === 0) this.#count = 0;
    return false;
  }
}

/**
 * What may stand between the digits of a number: white space, dashes, brackets, points, underscores, the zero bytes of UTF-16, and
 * whatever is not ASCII, such as a non-breaking space.
 */
const BETWEEN_DIGITS = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x80 || '\0\t\n\r ().+-_'.includes(String.fromCharCode(byte)) ? 1 : 0,
);

/** The letters of ASCII only: other bytes may be half of something. */
const SMALL = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte));

/** The first six bytes as a number; more would not be exact. */
function keyAt(bytes: Buffer, start: number): number {
  let key = 0;
  for (let at = start; at < start + 6; at += 1) key = key * 256 + (SMALL[bytes[at] as number] as number);
  return key;
}

/** Changes the bytes it is given. */
function inSmallLetters(bytes: Buffer): Buffer {
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = SMALL[bytes[at] as number] as number;
  return bytes;
}

/** What URL encoding (`%2B`) and the escapes of JSON (`\\u002b`, `\\x2b`) stand for. */
function escapeAt(bytes: Buffer, at: number): { readonly byte: number; readonly length: number } | undefined {
  const [, form, hex] = ESCAPE.exec(bytes.toString('latin1', at, at + 6)) ?? [];
  return hex === undefined || form === undefined ? undefined : { byte: Number.parseInt(hex, 16), length: form.length + 2 };
}

const ESCAPE = /^(%|\\u00|\\x)([0-9a-f]{2})/i;
