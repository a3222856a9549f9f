import { findEmails, type Finding } from './email-finder.js';
import { findNumbers } from './number-finder.js';
import { hasDigitWords, spelledShadow } from './spelled-digits.js';
import { hasTags, shadowOf, type Shadow } from './text-shadow.js';

/** The longest text that is read, in UTF-16 units. */
export const FREE_TEXT_MAX = 100_000;

/**
 * The text with every telephone number and e-mail address masked in place; everything else stays as written. A number that is not
 * valid but written or announced as one is masked whole. Sums, dates, order numbers, tax and bank identifiers stay.
 * Throws a RangeError on a text longer than `FREE_TEXT_MAX`: it must not be stored unread.
 */
export function maskText(text: string, region: string): string {
  let masked = '';
  let at = 0;
  for (const found of findAll(text, region)) {
    masked += text.slice(at, found.start) + found.mask;
    at = found.end;
  }
  return masked + text.slice(at);
}

/** True when `maskText` would hide something: a telephone number or an e-mail address. Throws as `maskText` does. */
export function findsNumber(text: string, region: string): boolean {
  return findAll(text, region).length > 0;
}

function findAll(text: string, region: string): Finding[] {
  if (text.length > FREE_TEXT_MAX) throw new RangeError(`a text has at most ${FREE_TEXT_MAX} characters`);
  if (!/[\p{Nd}\p{No}@&(\uff20\ufe6b<]|[[{]/u.test(text) && !hasDigitWords(text)) return [];
  const shadows = hasTags(text) ? [shadowOf(text, 'skipped'), shadowOf(text, 'kept')] : [shadowOf(text, 'kept')];
  const found = shadows.flatMap((shadow) => [...findEmails(shadow), ...findNumbers(shadow, region)]);
  return merged([...found, ...spelledNumbers(shadows.at(-1) ?? shadowOf(text, 'kept'), region)]);
}

/** Numbers in words and with letters for digits: only valid ones, for people count and measure in words. */
function spelledNumbers(shadow: Shadow, region: string): readonly Finding[] {
  const spelled = spelledShadow(shadow);
  return spelled === undefined ? [] : findNumbers(spelled, region).filter(({ weight }) => weight > 0);
}

/** Overlapping findings as one, under the mask of the weightiest. */
function merged(findings: readonly Finding[]): Finding[] {
  const result: Finding[] = [];
  for (const found of findings.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = result.at(-1);
    if (last === undefined || found.start >= last.end) {
      result.push(found);
      continue;
    }
    const { mask, weight } = found.weight > last.weight ? found : last;
    result[result.length - 1] = { start: last.start, end: Math.max(last.end, found.end), mask, weight };
  }
  return result;
}
