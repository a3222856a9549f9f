import { maskEmail } from './emails.js';
import { withoutJoints, type Shadow } from './text-shadow.js';

/** A stretch of the original text and what is shown in its place. Where stretches overlap, the higher weight names the mask. */
export interface Finding {
  readonly start: number;
  readonly end: number;
  readonly mask: string;
  readonly weight: number;
}

const EMAIL_WEIGHT = 10;
const AT = / {1,2}@{1,3} {1,2}|@{1,3}| ?[([{<] ?(?:@|at|собака|sobaka) ?[)\]}>] ?/gu;
/** Less `=`, `/`, `?` and `&` of RFC 5322, which stand before addresses in links. */
const LOCAL_CHARACTER = /[\p{L}\p{N}._%+!#$'\u2019*^`|~-]/u;
const NOT_FIRST = /[.\-+!#$'\u2019*^`|~]/u;
/** IDNA's other full stop beside our own (UTS 46); the full-width ones have become these. */
const DOT = String.raw`(?:[.\u3002]| ?[([{<] ?(?:\.|dot|точка) ?[)\]}>] ?)`;
const DOMAIN = new RegExp(String.raw`(?:[\p{L}\p{N}_-]{1,63}${DOT}){1,10}(?:xn--[a-z0-9-]{1,59}|\p{L}{2,63})`, 'uy');
/** Longer than any address, so that a long one is hidden from its beginning on. */
const LOCAL_MAX = 320;

/** E-mail addresses in a text, also those broken by tags and zero-width characters or written with `(at)` and `[dot]`. */
export function findEmails(shadow: Shadow): Finding[] {
  const { text, starts, ends } = withoutJoints(shadow);
  const found: Finding[] = [];
  for (const at of text.matchAll(AT)) {
    const start = localStart(text, at.index);
    DOMAIN.lastIndex = at.index + at[0].length;
    const domain = start === at.index ? null : DOMAIN.exec(text);
    if (domain === null) continue;
    const plainDomain = domain[0].replace(new RegExp(DOT, 'gu'), '.');
    found.push({
      start: starts[start] as number,
      end: ends[domain.index + domain[0].length - 1] as number,
      mask: maskEmail(`${text.slice(start, at.index)}@${plainDomain}`),
      weight: EMAIL_WEIGHT,
    });
  }
  return found;
}

function localStart(text: string, at: number): number {
  if (text[at - 1] === '"') {
    const quoted = text.lastIndexOf('"', at - 2);
    return quoted >= 0 && at - quoted < LOCAL_MAX ? quoted : at;
  }
  let start = at;
  while (start > 0 && at - start < LOCAL_MAX && LOCAL_CHARACTER.test(text[start - 1] as string)) start -= 1;
  while (start < at && NOT_FIRST.test(text[start] as string)) start += 1;
  return start;
}
