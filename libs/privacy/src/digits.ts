/**
 * The value of a decimal digit of any script, or -1. Unicode keeps the ten digits of a script in one run of code points
 * beginning at zero (The Unicode Standard, section 4.6), so the value is the distance to the start of the run, modulo ten
 * where several sets touch. Circled, superscript and full-width digits are read by their NFKC form.
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

function readDigit(char: string, code: number): number {
  const compatible = char.normalize('NFKC');
  if (/^[0-9]$/.test(compatible)) return Number(compatible);
  if (!DECIMAL.test(char)) return -1;
  let zero = code;
  while (DECIMAL.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return (code - zero) % 10;
}

/** Format characters and combining marks: zero-width joiners, direction marks, soft hyphens, the enclosing keycap. */
export const INVISIBLE = /[\p{Cf}\p{M}]/u;

/** Dashes, minus signs and tildes that people put between digits. */
export const DASH = /[\p{Pd}\u2212~]/u;
