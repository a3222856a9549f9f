import { domainToASCII } from 'node:url';
import { WHOLE_MASK, isMasked } from './phones.js';

export type ParsedEmail =
  { readonly ok: true; readonly email: string } | { readonly ok: false; readonly reason: 'masked' | 'invalid' };

/** RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.3 (less the angle brackets), in characters. */
const LOCAL_MAX = 64;
const ADDRESS_MAX = 254;
const LABEL_MAX = 63;

/** Dot-atom of RFC 5322 with the letters of RFC 6531; quoted local parts are not taken. */
const LOCAL = /^[\p{L}\p{M}\p{N}!#$%&'+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'+/=?^_`{|}~-]+)*$/u;
const LABEL = /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?$/u;
const TOP_LEVEL = /^(?:xn--[a-z0-9-]+|[\p{L}\p{M}]{2,})$/u;

/** Reads one e-mail address: trimmed, NFC, the domain in lower case, the local part as written. Never echoes its input. */
export function parseEmail(text: string): ParsedEmail {
  if (text.length > 4 * ADDRESS_MAX) return { ok: false, reason: 'invalid' };
  if (isMasked(text)) return { ok: false, reason: 'masked' };
  const address = text.normalize('NFC').trim();
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  const domain = address.slice(at + 1).toLowerCase();
  if ([...address].length > ADDRESS_MAX || [...local].length > LOCAL_MAX) return { ok: false, reason: 'invalid' };
  if (!LOCAL.test(local) || !isDomain(domain)) return { ok: false, reason: 'invalid' };
  return { ok: true, email: `${local}@${domain}` };
}

function isDomain(domain: string): boolean {
  const labels = domain.split('.');
  if (labels.length < 2 || !TOP_LEVEL.test(labels.at(-1) ?? '')) return false;
  return (
    labels.every((label) => [...label].length <= LABEL_MAX && LABEL.test(label)) &&
    (PLAIN_DOMAIN.test(domain) || domainToASCII(domain) !== '')
  );
}

/** The form in which addresses are compared: all lower case, an international domain in its ASCII form. Takes what `parseEmail` gave. */
export function emailKey(email: string): string {
  const at = email.lastIndexOf('@');
  const domain = email.slice(at + 1);
  return `${email.slice(0, at).normalize('NFC').toLowerCase()}@${asciiDomain(domain)}`;
}

/** Lower-case letters, digits and hyphens, no label in Punycode: it is its own ASCII form, and most are. */
const PLAIN_DOMAIN = /^(?:(?!xn--)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/;

function asciiDomain(domain: string): string {
  if (domain.length <= ADDRESS_MAX && PLAIN_DOMAIN.test(domain)) return domain;
  return domainToASCII(domain) || domain.toLowerCase();
}

/** `i***@m***.ru`: first character, first character of the domain's label, the top-level domain. What is no address is `***`. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  const dot = email.lastIndexOf('.');
  const first = email.codePointAt(0);
  const label = email.codePointAt(at + 1);
  if (at < 1 || dot < at + 2 || dot === email.length - 1 || first === undefined || label === undefined) return WHOLE_MASK;
  return `${String.fromCodePoint(first)}***@${String.fromCodePoint(label)}***.${email.slice(dot + 1).toLowerCase()}`;
}
