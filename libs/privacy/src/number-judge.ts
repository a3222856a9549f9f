import { Metadata, isSupportedCountry, type PhoneNumber } from 'libphonenumber-js/max';
import { isTaxLength, type NumberContext } from './number-context.js';
import { JOINT } from './text-shadow.js';
import { WHOLE_MASK, maskPhone, readNumber } from './phones.js';

/** Digits without anything between them, and how they hang on the group before. */
export interface Group {
  readonly digits: string;
  readonly start: number;
  readonly end: number;
  /** `weak` gaps (a comma, a colon, another sign, a line break) hold a number together only when it has a country code or trunk prefix. */
  readonly gap: 'strong' | 'weak';
  readonly plus: boolean;
}

/** Neighbouring groups that may be one number. */
export interface Candidate {
  readonly digits: string;
  readonly groups: readonly Group[];
  readonly context: NumberContext;
  /** True when the groups are all of their run. */
  readonly whole: boolean;
  readonly text: string;
}

/** What is shown instead, and how sure it is: 3 international, 2 with trunk prefix, 1 national, 0 looks like one and is not valid. */
export interface Verdict {
  readonly mask: string;
  readonly weight: 0 | 1 | 2 | 3;
}

/**
 * Looking at the library for each stretch costs about 20 µs. A text with more stretches than this (100,000 characters of digits and
 * spaces) is no prose, and from there on what has the length of a number is taken for one.
 */
const READS_MAX = 5_000;
const MOBILE: ReadonlySet<string> = new Set(['MOBILE', 'FIXED_LINE_OR_MOBILE']);
/** How local numbers are written: 123-45-67, with an area code, with a trunk prefix. */
const LOCAL_SHAPES: ReadonlySet<string> = new Set(['3-2-2', '3-3-2-2', '1-3-3-2-2', '4-2-2-2', '1-4-2-2-2', '3-3-4', '1-3-3-4']);

/** Decides on candidates of one text. */
export class NumberJudge {
  readonly #region: string;
  readonly #national: readonly [min: number, max: number];
  readonly #read = new Map<string, PhoneNumber | 'unread' | undefined>();

  constructor(region: string) {
    this.#region = region;
    this.#national = nationalLengths(region);
  }

  judge(candidate: Candidate): Verdict | undefined {
    const { digits, groups, context } = candidate;
    const weak = groups.some((group, index) => index > 0 && group.gap === 'weak');
    const verdict = this.#international(candidate) ?? this.#regional(candidate, weak);
    if (verdict !== undefined) return verdict;
    if (weak) return undefined;
    return this.#foreign(candidate) ?? (digits.length <= 15 && looksLikeNumber(candidate) ? { mask: WHOLE_MASK, weight: context.phoneBeside ? 1 : 0 } : undefined); // prettier-ignore
  }

  /** `+…` and `00…`; `+8 916 …`, a common slip, is read as the national form that was meant. */
  #international({ digits, groups, context }: Candidate): Verdict | undefined {
    const plus = groups[0]?.plus === true;
    const code = plus ? digits : digits.startsWith('00') ? digits.slice(2) : context.link ? digits : undefined;
    if (code === undefined || code.length < 7 || code.length > 17) return undefined;
    return (
      shown(this.#number(`+${code}`), 3) ??
      (plus ? (shown(this.#number(`+${code.replace(/^00/, '')}`), 3) ?? this.#slip(digits)) : undefined)
    );
  }

  #slip(digits: string): Verdict | undefined {
    if (digits.startsWith('8') && digits.length === 11) return shown(this.#number(digits), 3);
    return digits.length >= 10 && digits.length <= 15 ? { mask: WHOLE_MASK, weight: 1 } : undefined;
  }

  /** The form that the company's region dials. */
  #regional(candidate: Candidate, weak: boolean): Verdict | undefined {
    const { digits, groups, context } = candidate;
    const [min, max] = this.#national;
    if (digits.length < min || digits.length > max + 5) return undefined;
    const number = this.#number(digits);
    if (number === undefined) return undefined;
    const prefixed = number !== 'unread' && digits.length > number.nationalNumber.length;
    const mobile = number === 'unread' || MOBILE.has(number.getType() ?? '');
    if (isReference(candidate, prefixed, mobile)) return undefined;
    if (prefixed) return shown(number, 2);
    if (weak || (!context.phoneNear && (groupedByThousands(candidate, number) || !longEnough(digits, groups)))) return undefined;
    return shown(number, 1);
  }

  /** A country code without its `+`. */
  #foreign({ digits, groups, context }: Candidate): Verdict | undefined {
    // No country code begins with a zero.
    if (digits.length < 11 || digits.length > 15 || digits.startsWith('0') || context.tax) return undefined;
    if (context.reference !== 'none' && !context.phoneNear) return undefined;
    const number = this.#number(`+${digits}`);
    const certain = context.phoneNear || groups.length > 2 || number === 'unread' || MOBILE.has(number?.getType() ?? '');
    return certain ? shown(number, 1) : undefined;
  }

  #number(text: string): PhoneNumber | 'unread' | undefined {
    if (this.#read.has(text)) return this.#read.get(text);
    if (this.#read.size >= READS_MAX) return 'unread';
    const number = readNumber(text, this.#region);
    this.#read.set(text, number);
    return number;
  }
}

function shown(number: PhoneNumber | 'unread' | undefined, weight: 1 | 2 | 3): Verdict | undefined {
  if (number === undefined) return undefined;
  return { mask: number === 'unread' ? WHOLE_MASK : maskPhone(number.number), weight };
}

function nationalLengths(region: string): readonly [min: number, max: number] {
  if (!isSupportedCountry(region)) return [7, 15];
  const plan = new Metadata();
  plan.selectNumberingPlan(region);
  const lengths = plan.numberingPlan?.possibleLengths() ?? [];
  return [Math.max(7, Math.min(...lengths)), Math.max(...lengths)];
}

/**
 * Whether the words before say that this is the number of an order or a tax identifier. A mobile is taken for one only after a word and
 * a marker (`заказ № 9…`), a number with its trunk prefix only when it is no mobile either.
 */
function isReference({ digits, groups, context, text }: Candidate, prefixed: boolean, mobile: boolean): boolean {
  if (context.phoneNear) return false;
  if (groups.length === 1 && context.tax && isTaxLength(digits)) return true;
  if (context.reference === 'none' || groups.length > 2 || (prefixed && mobile)) return false;
  const [head, tail] = groups;
  if (head !== undefined && tail !== undefined && !/^[-/]$/.test(text.slice(head.end, tail.start))) return false;
  return context.reference === 'marked' || !mobile;
}

/** `4 951 250 000` is a sum; where the region writes its own numbers like that (`21 234 567` in LV), it is taken for a number. */
function groupedByThousands({ groups, text }: Candidate, number: PhoneNumber | 'unread'): boolean {
  const [head, ...rest] = groups;
  if (head === undefined || rest.length < 2 || head.digits.length > 2) return false;
  if (number !== 'unread' && number.formatNational() === text.slice(head.start, rest.at(-1)?.end)) return false;
  return rest.every((group, index) => group.digits.length === 3 && /^[ .']$/.test(text.slice(groups[index]?.end, group.start)));
}

/** Short national numbers (7 and 8 digits) are told from counts and dates by their separators. */
function longEnough(digits: string, groups: readonly Group[]): boolean {
  if (digits.length >= 9 || groups.length > 1) return true;
  return digits.length === 8 && !/^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/.test(digits);
}

/** Not valid, and yet written like a number or announced as one: hidden whole. */
function looksLikeNumber(candidate: Candidate): boolean {
  const { digits, groups, context, whole } = candidate;
  if (context.tax || (context.reference !== 'none' && !context.phoneBeside)) return false;
  if (context.phoneBeside && whole) return digits.length >= 6 || (digits.length === 5 && groups.length > 1);
  if (context.phoneNear && whole && digits.length === 7) return true;
  if (digits.length < 7 || digits.length > 12) return false;
  return hasLocalShape(candidate) || hasAreaCode(candidate);
}

function hasLocalShape({ digits, groups, context, text }: Candidate): boolean {
  if (groups.length < 3 || groups.length > 5) return false;
  if (!LOCAL_SHAPES.has(groups.map((group) => group.digits.length).join('-'))) return false;
  if (context.phoneNear || digits.length === 11) return true;
  return groups.some((group, index) => index > 0 && text.slice(groups[index - 1]?.end, group.start).includes('-'));
}

/** `(604) 555-4729`, `8 (000) 555-47-29`: the first or second group in brackets. */
function hasAreaCode({ groups, text }: Candidate): boolean {
  for (const index of [0, 1]) {
    const group = groups[index];
    const next = groups[index + 1];
    if (group === undefined || next === undefined || group.digits.length > 5) continue;
    if (!text.slice(group.end, next.start).replaceAll(JOINT, '').startsWith(')')) continue;
    if (
      text
        .slice(Math.max(0, group.start - 3), group.start)
        .replaceAll(JOINT, '')
        .endsWith('(')
    )
      return true;
  }
  return false;
}
