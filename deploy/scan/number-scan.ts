import { Needles } from './needles.js';
import { DIGITS_MIN, TEXT_MIN, emailSpellings, numberSpellings, plainSpellings } from './spellings.js';

/** A place where a planted value was found. `spelling` names how it was written, never the value. */
export interface Leak {
  readonly place: string;
  readonly spelling: string;
  /** Which of the planted values, by the order of planting. */
  readonly index: number;
}

/** Bytes that stand before an occurrence that goes over the end of a piece. Longer than any spelling of a usual address. */
const OVERLAP = 1024;

/**
 * Looks for planted numbers and e-mails in bytes, however they are spelt: the digits with anything people put between them, escaped
 * or encoded (URL, base64 at each alignment, hexadecimal, UTF-16), backwards, and as the usual unkeyed digests.
 */
export class NumberScan {
  readonly #needles = new Needles();
  #size = 0;

  /** `digits` looks for what can be read at once, and for no encodings and digests: for many thousands of values. */
  constructor(private readonly depth: 'everything' | 'digits' = 'everything') {}

  /** How many values are looked for. */
  get size(): number {
    return this.#size;
  }

  /** A number with its country code. One of fewer than ten digits is not looked for: ids and times hold such runs by chance. */
  plantNumber(number: string): string {
    if (!isLongEnough(number)) return number;
    this.#needles.addDigits(number, this.#size);
    if (this.depth === 'everything') this.#needles.addTexts(numberSpellings(number), this.#size);
    this.#size += 1;
    return number;
  }

  plantEmail(address: string): string {
    if (address.length < TEXT_MIN) return address;
    const spellings = this.depth === 'everything' ? emailSpellings(address) : plainSpellings(address);
    this.#needles.addTexts(spellings, this.#size, 'e-mail, ');
    this.#size += 1;
    return address;
  }

  /** What a text or a run of bytes holds; no place more than once for one value and spelling. */
  scan(place: string, content: Buffer | string): Leak[] {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
    const found = new Map<string, Leak>();
    for (const { spelling, index } of this.#needles.in(bytes)) found.set(`${spelling} ${index}`, { place, spelling, index });
    return [...found.values()];
  }

  /** `scan` of something that comes in pieces; what goes over their ends is found too. */
  async scanPieces(place: string, pieces: AsyncIterable<Buffer>): Promise<{ leaks: Leak[]; bytes: number }> {
    const found = new Map<string, Leak>();
    let [rest, bytes] = [Buffer.alloc(0), 0];
    for await (const piece of pieces) {
      bytes += piece.length;
      const content = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      for (const leak of this.scan(place, content)) found.set(`${leak.spelling} ${leak.index}`, leak);
      rest = Buffer.from(content.subarray(Math.max(0, content.length - OVERLAP)));
    }
    return { leaks: [...found.values()], bytes };
  }
}

/** True for a number that is not found in ids and times by chance. */
export function isLongEnough(number: string): boolean {
  return number.replace(/\D/g, '').length >= DIGITS_MIN;
}
