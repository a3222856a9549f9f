/**
 * The value of a decimal digit of any script, or -1. Unicode keeps the ten digits of a script in one run of code points
 * beginning at zero (The Unicode Standard, section 4.6), so the value is the distance to the start of the run, modulo ten
 * where several sets touch. Circled, superscript and full-width digits, and those with a full stop, a comma or brackets of their own,
 * are read by their NFKC form; the dingbats, which have none, by their place in their runs of one to nine.
 */
export function digitValue(char: string): number {
  const code = char.codePointAt(0) as number;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code < 0xb2) return -1;
  const known = values.get(code);
  if (known !== undefined) return known;
  const value = readDigit(char, code);
  if (values.size < KNOWN_MAX) values.set(code, value);
  return value;
}

const DECIMAL = /\p{Nd}/u;
const KNOWN_MAX = 4096;
const values = new Map<number, number>();

/** Where runs of circled digits begin, at one: double circled, negative circled, sans-serif, negative sans-serif. */
const DINGBAT_ONES: readonly number[] = [0x24f5, 0x2776, 0x2780, 0x278a];
/** Circled zeros that have no compatible form. */
const DINGBAT_ZEROS: ReadonlySet<number> = new Set([0x24ff, 0x1f10b, 0x1f10c]);

function readDigit(char: string, code: number): number {
  if (DINGBAT_ZEROS.has(code)) return 0;
  const one = DINGBAT_ONES.find((first) => code >= first && code < first + 9);
  if (one !== undefined) return code - one + 1;
  const compatible = char.normalize('NFKC').replace(/^\((.)\)$|^(.)[.,]$/, '$1$2');
  if (/^[0-9]$/.test(compatible)) return Number(compatible);
  if (!DECIMAL.test(char)) return -1;
  let zero = code;
  while (DECIMAL.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return (code - zero) % 10;
}

/**
 * Format characters and combining marks: zero-width joiners, direction marks, soft hyphens, the enclosing keycap; and what is a letter or a
 * symbol by its class and shows nothing: the Hangul fillers, the blank of Braille.
 */
export const INVISIBLE = /[\p{Cf}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Dashes, minus signs and tildes that people put between digits. */
export const DASH = /[\p{Pd}\u2212~]/u;
