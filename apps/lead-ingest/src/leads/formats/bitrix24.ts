import { isMark } from '../lead.attribution.js';
import { LeadBody, type NamedValue } from './named-values.js';

/** Who sends to Bitrix24 signs in with these: they are nobody's data here and are not kept. */
const CREDENTIALS: ReadonlySet<string> = new Set(['LOGIN', 'PASSWORD', 'AUTH', 'auth', 'method']);

/**
 * A lead as sites send it to Bitrix24: flat, as to `crm/configs/import/lead.php` (`NAME`, `PHONE_WORK`), or as `crm.lead.add` takes it
 * (`fields[PHONE][0][VALUE]`, in a form or in JSON).
 */
export function fromBitrix24(values: readonly NamedValue[], body: LeadBody): void {
  const names = new Map<string, string>();
  for (const { path, text } of values) {
    const [head = '', ...more] = path[0] === 'fields' && path.length > 1 ? path.slice(1) : path;
    if (CREDENTIALS.has(head) || path[0] === 'params') continue;
    const part = more.at(-1);
    if (more.length > 0 && (part === 'VALUE_TYPE' || part === 'TYPE_ID')) continue;
    if (more.length === 0 && ['NAME', 'SECOND_NAME', 'LAST_NAME'].includes(head)) names.set(head, text.trim());
    else if (!readField(head, text, body)) body.keep([head, ...more], text);
  }
  body.give(
    'name',
    ['NAME', 'SECOND_NAME', 'LAST_NAME']
      .map((name) => names.get(name) ?? '')
      .filter(Boolean)
      .join(' '),
  );
}

function readField(head: string, text: string, body: LeadBody): boolean {
  if (/^PHONE(_[A-Z]+)?$/.test(head)) return body.give('phone', text);
  if (/^EMAIL(_[A-Z]+)?$/.test(head)) return body.give('email', text);
  if (head === 'COMMENTS') return body.give('message', text);
  if (head === 'COMPANY_TITLE') return body.give('company', text);
  if (head === 'TITLE') return body.give('title', text);
  if (!isMark(head.toLowerCase())) return false;
  body.mark(head.toLowerCase(), text);
  return true;
}
