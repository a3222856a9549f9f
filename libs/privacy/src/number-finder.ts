import { type Finding } from './email-finder.js';
import { contextBefore, contextWithin, coverKnown } from './number-context.js';
import { NumberJudge, type Group, type Verdict } from './number-judge.js';
import { JOINT, type Shadow } from './text-shadow.js';

/** Fifteen digits of E.164 after an international prefix of up to three. */
const DIGITS_MAX = 18;
const DIGITS_MIN = 5;
const WEIGHTS: readonly Verdict['weight'][] = [3, 2, 1, 0];
const GAP_MAX = 6;
const STRONG_GAP = /^[ .\-()[\]{}/\\|_\u00b7*`]*$/u;
const WEAK_GAP = /^(?:[,;:]|[ .\-()]*\n[ .\-()\n]*)$/u;
/** Any other sign, one and the same up to three times: `8=916`, `8•916`, `8 → 916`. */
const SIGN_GAP = /^ ?([^\p{L}\p{N}\s,;:\u0002])\1{0,2} ?$/u;
const EXTENSION = /[\s,;.]{0,3}\(?(?:доб(?:ав\p{L}*)?|вн(?:утр\p{L}*)?|ext(?:ension)?|x|#)[\s.:=№]{0,3}\d{1,6}(?!\d)\)?/uy;

interface Chosen extends Verdict {
  readonly first: number;
  readonly last: number;
}

/** Telephone numbers in a text, in every spelling that `free-text.unit.spec.ts` lists. */
export function findNumbers(shadow: Shadow, region: string): Finding[] {
  const text = coverKnown(shadow.text);
  const judge = new NumberJudge(region);
  const found: Finding[] = [];
  for (const run of runsOf(text)) {
    for (const chosen of settle(verdictsOf(run, text, judge))) found.push(findingOf(run, chosen, text, shadow));
  }
  return found;
}

/** Groups of digits with nothing but separators between them. */
function* runsOf(text: string): Generator<Group[]> {
  let run: Group[] = [];
  let end = 0;
  for (const match of text.matchAll(/\d+/g)) {
    const gap = gapKind(text.slice(end, match.index));
    if (run.length > 0 && gap === 'broken') {
      yield run;
      run = [];
    }
    const plus = /\+[ (\u0001]{0,3}$/u.test(text.slice(Math.max(0, match.index - 4), match.index));
    const start = match.index;
    end = start + match[0].length;
    run.push({ digits: match[0], start, end, gap: gap === 'weak' ? 'weak' : 'strong', plus });
  }
  if (run.length > 0) yield run;
}

function gapKind(gap: string): 'strong' | 'weak' | 'broken' {
  const full = gap.replaceAll(JOINT, '');
  const plain = full.replace(/ {2,}/g, ' ');
  if (plain.length > GAP_MAX || plain.includes('***')) return 'broken';
  // Columns of a table stand as far apart as digits that somebody spread.
  if (STRONG_GAP.test(plain)) return full.length > GAP_MAX ? 'weak' : 'strong';
  return WEAK_GAP.test(plain) || SIGN_GAP.test(plain) ? 'weak' : 'broken';
}

/** Every stretch of whole groups that is a number by itself. */
function verdictsOf(run: readonly Group[], text: string, judge: NumberJudge): Chosen[] {
  const verdicts: Chosen[] = [];
  const [head] = run;
  if (head === undefined || !longEnoughRun(run)) return verdicts;
  const headContext = contextBefore(text, head.start - (head.plus ? 1 : 0));
  run.forEach((_group, first) => {
    // Words speak for the digits right after them: the first group of a run, and the КПП after an ИНН.
    const context = first === 0 ? headContext : contextWithin(headContext, first === 1 && head.digits.length === 10);
    let digits = '';
    for (let last = first; last < run.length; last += 1) {
      digits += (run[last] as Group).digits;
      if (digits.length > DIGITS_MAX) break;
      if (digits.length < DIGITS_MIN) continue;
      const whole = first === 0 && last === run.length - 1;
      const verdict = judge.judge({ digits, groups: run.slice(first, last + 1), context, whole, text });
      if (verdict !== undefined) verdicts.push({ ...verdict, first, last });
    }
  });
  return verdicts;
}

function longEnoughRun(run: readonly Group[]): boolean {
  return run.reduce((total, group) => total + group.digits.length, 0) >= DIGITS_MIN;
}

/**
 * The best of overlapping stretches. A weaker one gives way; those of one weight are joined, for which of them is the number
 * cannot be told, and digits left in the clear could belong to it.
 */
function settle(verdicts: readonly Chosen[]): Chosen[] {
  const settled: Chosen[] = [];
  const taken = new Set<number>();
  for (const weight of WEIGHTS) {
    const free = verdicts.filter((verdict) => verdict.weight === weight && !overlaps(verdict, taken));
    for (const stretch of joined(free)) {
      settled.push(stretch);
      for (let group = stretch.first; group <= stretch.last; group += 1) taken.add(group);
    }
  }
  return settled;
}

function overlaps(verdict: Chosen, taken: ReadonlySet<number>): boolean {
  if (taken.size === 0) return false;
  for (let group = verdict.first; group <= verdict.last; group += 1) if (taken.has(group)) return true;
  return false;
}

function joined(verdicts: readonly Chosen[]): Chosen[] {
  const result: Chosen[] = [];
  for (const verdict of verdicts.toSorted((a, b) => a.first - b.first || b.last - a.last)) {
    const before = result.at(-1);
    if (before === undefined || verdict.first > before.last) result.push(verdict);
    else if (verdict.last > before.last) result[result.length - 1] = { ...before, last: verdict.last };
  }
  return result;
}

function findingOf(run: readonly Group[], chosen: Chosen, text: string, shadow: Shadow): Finding {
  let start = (run[chosen.first] as Group).start;
  let end = (run[chosen.last] as Group).end;
  const head = /(?:\+[ (\u0001]{0,3}|[([]\u0001*)$/u.exec(text.slice(Math.max(0, start - 4), start));
  const opens = head?.[0].includes('+') === true || /[)\]]/u.test(text.slice(start, end).replace(/[([].*?[)\]]/gu, ''));
  if (head !== null && opens) start -= head[0].length;
  // Marks that belong to the last digit (the keycap of an emoji), not a tag that closes after it.
  while (text[end] === JOINT && (shadow.ends[end] as number) - (shadow.starts[end] as number) === 1) end += 1;
  EXTENSION.lastIndex = end;
  end += EXTENSION.exec(text)?.[0].length ?? 0;
  return { start: shadow.starts[start] as number, end: shadow.ends[end - 1] as number, mask: chosen.mask, weight: chosen.weight };
}
