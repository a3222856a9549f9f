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
  readonly #texts = new Map<string, Array<Hit & { readonly bytes: Buffer }>>();

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
      const key = bytes.toString('latin1', 0, TEXT_MIN);
      const hit = { spelling: `${prefix}${spelling}`, index, bytes };
      const known = this.#texts.get(key);
      if (known === undefined) this.#texts.set(key, [hit]);
      else known.push(hit);
    }
  }

  /** Everything found in these bytes. */
  *in(bytes: Buffer): Generator<Hit> {
    const folded = inSmallLetters(Buffer.from(bytes));
    yield* this.#textsIn(folded);
    yield* this.#digitsIn(folded);
    if (!bytes.includes('%') && !bytes.includes('\\')) return;
    const plain = unescaped(folded);
    yield* this.#textsIn(plain);
    yield* this.#digitsIn(plain);
  }

  *#textsIn(bytes: Buffer): Generator<Hit> {
    let three = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      three = ((three << 8) | (bytes[at] as number)) & 0xff_ff_ff;
      if (((this.#beginnings[three >> 3] as number) & (1 << (three & 7))) === 0) continue;
      const start = at - 2;
      for (const hit of this.#texts.get(bytes.toString('latin1', start, start + TEXT_MIN)) ?? []) {
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
        digits = (digits * 10 + byte - 0x30) % TAIL_MODULUS;
        count += 1;
        const hit = count < DIGITS_MIN ? undefined : this.#tails.get(digits);
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
  const plain = folded.toString('latin1').replace(/(?:%|\\u00|\\x)([0-9a-f]{2})/g, byteOf);
  return inSmallLetters(Buffer.from(plain, 'latin1'));
}
