import { isMark } from '../lead.attribution.js';
import { LeadBody, type NamedValue } from './named-values.js';

/** Names of a Tilda form's variables, whatever their case: those it gives itself, and those that people give. */
const FIELDS: Readonly<Record<string, 'name' | 'phone' | 'email' | 'company' | 'message'>> = {
  ...{ name: 'name', имя: 'name', fio: 'name', фио: 'name', phone: 'phone', tel: 'phone', телефон: 'phone' },
  ...{ email: 'email', 'e-mail': 'email', почта: 'email', company: 'company', компания: 'company' },
  ...{
    textarea: 'message',
    comments: 'message',
    comment: 'message',
    message: 'message',
    комментарий: 'message',
    сообщение: 'message',
  },
};

/** The request that Tilda sends when a webhook is added; it wants 200. */
export function isTildaProbe(values: readonly NamedValue[]): boolean {
  return values.length === 1 && values[0]?.path.join('.') === 'test' && values[0].text === 'test';
}

/** A form of Tilda as its webhook sends it. `tranid` names the submission, so what Tilda sends again is one lead. */
export function fromTilda(values: readonly NamedValue[], body: LeadBody): void {
  for (const { path, text } of values) {
    const [head = '', ...more] = path;
    const field = more.length === 0 ? FIELDS[head.toLowerCase()] : undefined;
    if (field !== undefined && Object.hasOwn(FIELDS, head.toLowerCase()) && body.give(field, text)) continue;
    if (head === 'tranid' && body.give('submissionId', text)) continue;
    if (head === 'COOKIES') readCookies(text, body);
    else if (isMark(head) && more.length === 0) body.mark(head, text);
    else body.keep(path, text);
  }
}

/** Of the visitor's cookies only the marks: `TILDAUTM` (`utm_source%3Dyandex%7C%7C%7Cutm_medium%3Dcpc`), `_ym_uid` and Roistat's. */
function readCookies(text: string, body: LeadBody): void {
  for (const cookie of text.split(';')) {
    const at = cookie.indexOf('=');
    const [name, value] = [cookie.slice(0, at).trim(), cookie.slice(at + 1).trim()];
    if (name === '_ym_uid') body.mark('_ym_uid', value);
    if (name === 'roistat_visit') body.mark('roistat', value);
    if (name !== 'TILDAUTM') continue;
    for (const pair of decoded(value).split('|||')) {
      const [mark = '', ...rest] = pair.split('=');
      if (isMark(mark)) body.mark(mark, rest.join('='));
    }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
