import { DASH, INVISIBLE, digitValue } from './digits.js';

/**
 * A text as the scanners read it: digits of every script as ASCII, lower case, dashes as `-`, spaces as ` `, one UTF-16 unit a
 * character; `starts` and `ends` give the place of each character in the original.
 */
export interface Shadow {
  readonly text: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Stands for what breaks digits without showing: zero-width characters, combining marks, inline tags. */
export const JOINT = '\u0001';
/** Stands for signs beyond the basic plane, emoji most of all: they may stand between digits as any other sign. */
const SIGN = '\u2022';
/** Stands for what is known to be no number: dates, sums, masks. Nothing joins across it. */
export const BREAK = '\u0002';

const TAG = /<\/?([a-z][a-z0-9]*)\b[^<>]{0,2000}>/iy;
const BLOCK_TAGS: ReadonlySet<string> = new Set(
  ['br', 'p', 'div', 'li', 'ul', 'ol', 'tr', 'td', 'th', 'table', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'section'], // prettier-ignore
);
const ENTITY =
  /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(nbsp|shy|zwnj|zwj|thinsp|ensp|emsp|ndash|mdash|minus|plus|commat|lpar|rpar|period));/iy;
const NAMED: Readonly<Record<string, string>> = {
  nbsp: ' ', thinsp: ' ', ensp: ' ', emsp: ' ', shy: '\u00ad', zwnj: '\u200c', zwj: '\u200d',
  ndash: '-', mdash: '-', minus: '-', plus: '+', commat: '@', lpar: '(', rpar: ')', period: '.',
}; // prettier-ignore
const ESCAPE = /%(20|2b|2d|28|29|40|3[0-9])/iy;

/** True when a text has tags, so that it has to be read twice: without them, and for what stands inside them. */
export function hasTags(text: string): boolean {
  return /<\/?[a-z]/i.test(text);
}

/** Makes the shadow of a text; with `tags: 'skipped'` an inline tag is a joint and a block tag a line break. */
export function shadowOf(text: string, tags: 'skipped' | 'kept'): Shadow {
  const chars: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  let at = 0;
  while (at < text.length) {
    const [char, length] = (tags === 'skipped' ? tagAt(text, at) : undefined) ?? escapeAt(text, at) ?? plainAt(text, at);
    chars.push(char);
    starts.push(at);
    at += length;
    ends.push(at);
  }
  return { text: chars.join(''), starts, ends };
}

/** The shadow without its joints, for what is read as words: addresses broken by tags or zero-width characters. */
export function withoutJoints(shadow: Shadow): Shadow {
  const kept = Array.from(shadow.text, (char, index) => (char === JOINT ? -1 : index)).filter((index) => index >= 0);
  return {
    text: shadow.text.replaceAll(JOINT, ''),
    starts: kept.map((index) => shadow.starts[index] as number),
    ends: kept.map((index) => shadow.ends[index] as number),
  };
}

type Read = readonly [char: string, length: number];

function tagAt(text: string, at: number): Read | undefined {
  if (text[at] !== '<') return undefined;
  TAG.lastIndex = at;
  const tag = TAG.exec(text);
  if (tag === null) return undefined;
  return [BLOCK_TAGS.has((tag[1] ?? '').toLowerCase()) ? '\n' : JOINT, tag[0].length];
}

function escapeAt(text: string, at: number): Read | undefined {
  if (text[at] === '%') {
    ESCAPE.lastIndex = at;
    const escape = ESCAPE.exec(text);
    return escape === null ? undefined : [String.fromCharCode(parseInt(escape[1] as string, 16)), 3];
  }
  if (text[at] !== '&') return undefined;
  ENTITY.lastIndex = at;
  const entity = ENTITY.exec(text);
  if (entity === null) return undefined;
  const [whole, decimal, hex, name] = entity;
  const code = decimal !== undefined ? Number(decimal) : parseInt(hex ?? '', 16);
  const char = name !== undefined ? NAMED[name.toLowerCase()] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
  return char === undefined || char === '' ? undefined : [simplified(char), whole.length];
}

function plainAt(text: string, at: number): Read {
  const char = String.fromCodePoint(text.codePointAt(at) as number);
  return [simplified(char), char.length];
}

/** One UTF-16 unit for one character. */
function simplified(char: string): string {
  const code = char.codePointAt(0) as number;
  if (code < 0x80) return code < 0x20 && code !== 0x0a ? (code === 0x0d ? '\n' : ' ') : char.toLowerCase();
  const value = digitValue(char);
  if (value >= 0) return String(value);
  if (DASH.test(char)) return '-';
  if (INVISIBLE.test(char)) return JOINT;
  if (/[\u2028\u2029]/.test(char)) return '\n';
  if (/\s/u.test(char)) return ' ';
  const compatible = char.normalize('NFKC').toLowerCase();
  if (compatible.length === 1) return compatible;
  if (char.length === 1) return char;
  return /\p{L}/u.test(char) ? 'x' : SIGN;
}
