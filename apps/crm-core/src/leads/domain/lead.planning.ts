import { Secret } from '#kernel';
import type { SealedLead } from '#contracts';
import { maskText } from '#privacy';
import { lookupForm, receivedPoint, type ContactPoint } from '../../records/domain/contact-point.js';
import { personalText, type PersonalText } from '../../records/domain/personal-text.js';
import type { ContactFields } from '../../contacts/domain/contact.events.js';

/** What stands for a name where none was given. */
const NO_NAME = '—';
const LONGEST_NAME = 200;
const LONGEST_NOTE = 10_000;

/** Attribution as the deal keeps it: as sent, and with numbers and e-mails masked. */
export type Attribution = Secret<Readonly<Record<string, { readonly text: string; readonly masked: string }>>>;

/** The telephone and the e-mail of a lead as contact points, unverified; raw where they do not parse. Masks are no data. */
export function leadPoints(lead: SealedLead, ids: { phone: string; email: string }, region: string): readonly ContactPoint[] {
  const phone = lead.phone === undefined ? undefined : receivedPoint('phone', ids.phone, lead.phone, region);
  const email = lead.email === undefined ? undefined : receivedPoint('email', ids.email, lead.email, region);
  return [phone, email].filter((point) => point !== undefined);
}

/** The fields of a new contact from a lead. */
export function newContactFields(lead: SealedLead, points: readonly ContactPoint[], region: string): ContactFields {
  const name = lead.name?.trim() ?? '';
  const company = lead.company?.trim() ?? '';
  return {
    name: personalText(cut(name === '' ? NO_NAME : name, LONGEST_NAME), region),
    phones: points.filter(({ kind }) => kind === 'phone'),
    emails: points.filter(({ kind }) => kind === 'email'),
    companyId: null,
    note: company === '' ? null : personalText(cut(company, LONGEST_NOTE), region),
    tags: [],
    customFields: {},
  };
}

/** The change of a known contact: points that it does not have yet are added; nothing else of it is touched. */
export function addedPoints(present: ContactFields, points: readonly ContactPoint[]): Partial<ContactFields> {
  const missing = (kind: ContactPoint['kind'], known: readonly ContactPoint[]): readonly ContactPoint[] => {
    const forms = new Set(known.map(lookupForm));
    return points.filter((point) => point.kind === kind && lookupForm(point) !== null && !forms.has(lookupForm(point)));
  };
  const [phones, emails] = [missing('phone', present.phones), missing('email', present.emails)];
  return {
    ...(phones.length === 0 ? {} : { phones: [...present.phones, ...phones] }),
    ...(emails.length === 0 ? {} : { emails: [...present.emails, ...emails] }),
  };
}

export function leadAttribution(lead: SealedLead, region: string): Attribution | null {
  const entries = Object.entries(lead.attribution);
  if (entries.length === 0) return null;
  const masked = entries.map(([key, text]) => [maskText(key, region), { text, masked: maskText(text, region) }] as const);
  return new Secret(Object.fromEntries(masked));
}

export function leadMessage(lead: SealedLead, region: string): PersonalText | null {
  const message = lead.message?.trim() ?? '';
  return message === '' ? null : personalText(cut(message, LONGEST_NOTE), region);
}

function cut(text: string, characters: number): string {
  return [...text].slice(0, characters).join('');
}
