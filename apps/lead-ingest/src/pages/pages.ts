import { createHash } from 'node:crypto';
import type { IntakeForm } from '#contracts';
import { isMark, MAX_ATTRIBUTION_KEYS, MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS } from '../leads/lead.attribution.js';
import { longerThan, storable } from '../leads/lead.text.js';
import type { Words } from './page.words.js';

/** The text that the check box of our own page agrees to. */
const CONSENT_TEXT_ID = 'palisade-form-1';
const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem}' +
  'label{display:block;margin:.75rem 0}input:not([type=checkbox]),textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem}' +
  'button{font:inherit;padding:.5rem 1.5rem}.away{position:absolute;left:-100vw}';
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface FormPageRequest {
  readonly form: IntakeForm;
  readonly words: Words;
  /** The query of the page's address: its marks go with the lead. */
  readonly query: URLSearchParams;
  /** The id of this filling-in: a button pressed twice sends one lead. */
  readonly submissionId: string;
}

/** A plain page that sends a lead without any script, with the marks of its own address. */
export function formPage({ form, words, query, submissionId }: FormPageRequest): Page {
  const hidden = [...marksOf(query), ['submissionId', submissionId] as const];
  const body = `<h1>${escaped(form.name)}</h1>
<form method="post" action="/v1/forms/${encodeURIComponent(form.key)}/leads">
<label>${words.name} <input name="name" maxlength="200" autocomplete="name"></label>
<label>${words.phone} <input name="phone" type="tel" maxlength="100" autocomplete="tel"></label>
<label>${words.email} <input name="email" type="email" maxlength="320" autocomplete="email"></label>
<label>${words.message} <textarea name="message" rows="5" maxlength="10000"></textarea></label>
${form.requireConsent ? `<label><input type="checkbox" name="consent" value="${CONSENT_TEXT_ID}" required> ${words.consent}</label>\n` : ''}\
<label class="away" aria-hidden="true">${words.trap} <input name="website" tabindex="-1" autocomplete="off"></label>
${hidden.map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`).join('\n')}
<button>${words.send}</button>
</form>`;
  return page(words, form.name, body, `'self'${successOrigin(form)}`);
}

/** What a form says that has no page of its own to go on to. */
export function thanksPage(form: IntakeForm, words: Words): Page {
  return page(words, form.name, `<h1>${words.thanks}</h1>\n<p>${words.received}</p>`, "'none'");
}

function page(words: Words, title: string, body: string, formAction: string): Page {
  const html = `<!doctype html>
<html lang="${words.lang}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${STYLE}</style></head>
<body>
${body}
</body>
</html>
`;
  const policy = [`default-src 'none'`, `style-src 'sha256-${STYLE_HASH}'`, `form-action ${formAction}`];
  return {
    html,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': [...policy, `base-uri 'none'`, `frame-ancestors 'none'`].join('; '),
      // Under `no-referrer` a browser sends this page's form with the origin "null", which is foreign (Fetch, "append a request Origin header").
      'referrer-policy': 'same-origin',
    },
  };
}

/** Browsers hold the way on after a sending to `form-action` too. */
function successOrigin({ successUrl }: IntakeForm): string {
  return successUrl !== null && URL.canParse(successUrl) ? ` ${new URL(successUrl).origin}` : '';
}

/** The marks of an address, within the limits of a lead: what does not fit is left out, and the form stays usable. */
function marksOf(query: URLSearchParams): readonly (readonly [string, string])[] {
  const fits = ([name, value]: readonly [string, string]): boolean =>
    isMark(name) && value !== '' && !longerThan(name, MAX_KEY_CHARACTERS) && !longerThan(value, MAX_VALUE_CHARACTERS);
  const marks = new Map([...query].map(([name, value]) => [storable(name), storable(value)] as const).filter(fits));
  return [...marks].slice(0, MAX_ATTRIBUTION_KEYS);
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
