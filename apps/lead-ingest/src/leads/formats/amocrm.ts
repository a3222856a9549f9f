import { isMark } from '../lead.attribution.js';
import { LeadBody, type NamedValue } from './named-values.js';

/** What an amoCRM form says about itself. */
const FORM_OWN: ReadonlySet<string> = new Set(['form_id', 'hash', 'user_origin', 'visitor_uid', 'form_request_id']);
/** Whom a field of the form belongs to: `fields[name_1]` is the contact's, `_2` the deal's, `_3` the company's. */
const OWN_FIELDS: Readonly<Record<string, 'name' | 'title' | 'company' | 'message'>> = {
  ...{ name_1: 'name', name_2: 'title', name_3: 'company', note_1: 'message', note_2: 'message', note_3: 'message' },
};
const CODES: Readonly<Record<string, 'phone' | 'email'>> = { PHONE: 'phone', EMAIL: 'email' };

/**
 * A lead as sites send it to amoCRM: a form's post (`fields[name_1]`, `fields[123_1][456]` for telephone and e-mail, `user_origin`), or
 * the JSON of `api/v4/leads/complex` (one lead, with its contact embedded).
 */
export function fromAmoCrm(values: readonly NamedValue[], body: LeadBody): void {
  const isApi = values.some(({ path }) => path.includes('_embedded') || path.includes('custom_fields_values'));
  if (isApi) fromApi(values, body);
  else for (const value of values) fromForm(value, body);
}

function fromForm({ path, text }: NamedValue, body: LeadBody): void {
  const [head = '', field = ''] = path;
  if (head === 'user_origin') return readOrigin(text, body);
  if (head === 'form_request_id' && body.give('submissionId', text)) return;
  if (FORM_OWN.has(head)) return body.keep(path, text);
  if (path.length === 1 && isMark(head)) return body.mark(head, text);
  if (head !== 'fields') return body.keep(path, text);
  const own = Object.hasOwn(OWN_FIELDS, field) ? OWN_FIELDS[field] : undefined;
  if (own !== undefined && path.length === 2 && body.give(own, text)) return;
  // A field of several values stands under the id of the kind of value; amoCRM has two such: telephone and e-mail.
  if (path.length === 3 && body.give(text.includes('@') ? 'email' : 'phone', text)) return;
  body.keep(path, text);
}

/** JSON of the visitor's browser: `{datetime, timezone, referer}`. The page's own address carries the marks. */
function readOrigin(text: string, body: LeadBody): void {
  const referer = refererOf(text);
  if (referer === undefined) return body.keep(['user_origin'], text);
  body.mark('referrer', referer);
  if (!URL.canParse(referer)) return;
  for (const [name, value] of new URL(referer).searchParams) if (isMark(name)) body.mark(name, value);
}

function refererOf(text: string): string | undefined {
  try {
    const origin = JSON.parse(text) as { referer?: unknown; referrer?: unknown } | null;
    const referer = origin?.referer ?? origin?.referrer;
    return typeof referer === 'string' ? referer : undefined;
  } catch {
    return undefined;
  }
}

/** Custom fields come as `field_code` and then `values`: the code of the group a value stands in tells what it is. */
function fromApi(values: readonly NamedValue[], body: LeadBody): void {
  const codes = new Map(
    values.filter(({ path }) => path.at(-1) === 'field_code').map(({ path, text }) => [path.slice(0, -1).join('\u0000'), text]),
  );
  const names = new Map<string, string>();
  for (const { path, text } of values) {
    const at = path.indexOf('custom_fields_values');
    const code = at < 0 ? undefined : codes.get(path.slice(0, at + 2).join('\u0000'));
    const last = path.at(-1) ?? '';
    if (code !== undefined) {
      if (last === 'value') readCoded(code, text, path, body);
    } else if (isOfContact(path) && ['first_name', 'last_name', 'name'].includes(last)) names.set(last, text.trim());
    else if (path.includes('companies') && last === 'name') body.give('company', text);
    else if (path.includes('metadata') || !path.includes('_embedded')) readLead(last, text, path, body);
    else body.keep(path, text);
  }
  const parts = [names.get('first_name') ?? '', names.get('last_name') ?? ''].filter((part) => part !== '');
  body.give('name', parts.length > 0 ? parts.join(' ') : (names.get('name') ?? ''));
}

const isOfContact = (path: readonly string[]): boolean =>
  path.includes('contacts') && path.length - path.indexOf('contacts') === 3;

function readCoded(code: string, text: string, path: readonly string[], body: LeadBody): void {
  const point = Object.hasOwn(CODES, code) ? CODES[code] : undefined;
  if (point !== undefined && body.give(point, text)) return;
  if (isMark(code.toLowerCase())) body.mark(code.toLowerCase(), text);
  else body.keep([code, ...path.slice(-2)], text);
}

function readLead(last: string, text: string, path: readonly string[], body: LeadBody): void {
  if (path.includes('metadata')) {
    if (last === 'referer') body.mark('referrer', text);
    else if (last === 'form_page') body.mark('landingPage', text);
    else body.keep(['metadata', last], text);
  } else if (last === 'name' && path.length <= 2) body.give('title', text);
  else if (last === 'request_id' && body.give('submissionId', text)) return;
  else body.keep(path, text);
}
