import type { Shadow } from './text-shadow.js';

const UNITS = [
  'ноль нуль zero', 'один одна one', 'два две two', 'три three', 'четыре four', 'пять five', 'шесть six', 'семь seven', 'восемь eight',
  'девять nine',
]; // prettier-ignore
const TEENS = [
  'десять ten', 'одиннадцать eleven', 'двенадцать twelve', 'тринадцать thirteen', 'четырнадцать fourteen', 'пятнадцать fifteen',
  'шестнадцать sixteen', 'семнадцать seventeen', 'восемнадцать eighteen', 'девятнадцать nineteen',
]; // prettier-ignore
const TENS = [
  'двадцать twenty', 'тридцать thirty', 'сорок forty', 'пятьдесят fifty', 'шестьдесят sixty', 'семьдесят seventy', 'восемьдесят eighty',
  'девяносто ninety',
]; // prettier-ignore
const HUNDREDS = ['сто', 'двести', 'триста', 'четыреста', 'пятьсот', 'шестьсот', 'семьсот', 'восемьсот', 'девятьсот'];

/** What a word counts, in the two languages of the product's users. */
const VALUES: ReadonlyMap<string, number> = new Map([
  ...valuesOf(UNITS, (index) => index),
  ...valuesOf(TEENS, (index) => 10 + index),
  ...valuesOf(TENS, (index) => 20 + 10 * index),
  ...valuesOf(HUNDREDS, (index) => 100 + 100 * index),
]);
const WORD = new RegExp(
  `(?<!\\p{L})(?:${[...VALUES.keys()].toSorted((a, b) => b.length - a.length).join('|')})(?!\\p{L})`,
  'giu',
);
/** What may stand between the words of one number: `сто двадцать`, `twenty-one`. */
const BETWEEN = /^[ \u0001-]{1,3}$/u;

/** Letters that look like digits, in both alphabets; the text is in lower case. Only beside digits do they stand for them. */
const LOOKALIKES: Readonly<Record<string, string>> = { o: '0', о: '0', i: '1', l: '1', з: '3', б: '6' };
const BESIDE_DIGITS = /(?<!\p{L})(?=[oоilзб]*\d)[\doоilзб]{2,}(?!\p{L})/gu;
const PLUS = /(?<!\p{L})(?:плюс|plus)(?!\p{L})/gu;

/** A stretch of the text and the characters that stand for it. */
interface Spelling {
  readonly start: number;
  readonly end: number;
  readonly chars: string;
}

/** True when a text may have digits that are words; says nothing of letters beside digits. */
export function hasDigitWords(text: string): boolean {
  return text.search(WORD) >= 0;
}

/** The shadow with digits for what spells them, letters and words; undefined when nothing does. */
export function spelledShadow(shadow: Shadow): Shadow | undefined {
  const found = [...lookalikes(shadow.text), ...words(shadow.text)].sort((a, b) => a.start - b.start);
  if (found.length === 0) return undefined;
  const chars: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  let at = 0;
  const keepTo = (end: number): void => {
    for (; at < end; at += 1) {
      chars.push(shadow.text[at] as string);
      starts.push(shadow.starts[at] as number);
      ends.push(shadow.ends[at] as number);
    }
  };
  for (const { start, end, chars: spelled } of found) {
    keepTo(start);
    for (const char of spelled) {
      chars.push(char);
      // Whole words are hidden: each of their digits has the place of all of them.
      starts.push(shadow.starts[start] as number);
      ends.push(shadow.ends[end - 1] as number);
    }
    at = end;
  }
  keepTo(shadow.text.length);
  return { text: chars.join(''), starts, ends };
}

function* lookalikes(text: string): Generator<Spelling> {
  for (const { 0: run, index } of text.matchAll(BESIDE_DIGITS)) {
    for (const [offset, char] of Array.from(run).entries()) {
      const digit = LOOKALIKES[char];
      if (digit !== undefined) yield { start: index + offset, end: index + offset + 1, chars: digit };
    }
  }
}

function* words(text: string): Generator<Spelling> {
  let open: { start: number; end: number; value: number; last: number } | undefined;
  const spelled = (): Spelling[] => (open === undefined ? [] : [{ start: open.start, end: open.end, chars: String(open.value) }]);
  for (const { 0: word, index } of text.matchAll(WORD)) {
    const value = VALUES.get(word) ?? 0;
    const end = index + word.length;
    if (open !== undefined && goesOn(open.last, value) && BETWEEN.test(text.slice(open.end, index))) {
      open = { start: open.start, end, value: open.value + value, last: value };
      continue;
    }
    yield* spelled();
    open = { start: index, end, value, last: value };
  }
  yield* spelled();
  for (const { 0: word, index } of text.matchAll(PLUS)) yield { start: index, end: index + word.length, chars: '+' };
}

/** Whether a word belongs to the number that the one before began: `сто` `двадцать` `три`, but not `три` `два`. */
function goesOn(last: number, value: number): boolean {
  if (last >= 100) return value > 0 && value < 100;
  return last >= 20 && value > 0 && value < 10;
}

function valuesOf(list: readonly string[], value: (index: number) => number): ReadonlyArray<readonly [string, number]> {
  return list.flatMap((words, index) => words.split(' ').map((word) => [word, value(index)] as const));
}
