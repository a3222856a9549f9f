import { Secret } from '#kernel';
import type { QuarantineReason, SealedLead } from '#contracts';
import { maskText } from '#privacy';
import { lookupForm, maskPoint, receivedPoint, type ContactPoint } from '../../records/domain/contact-point.js';
import { personalText, type PersonalText } from '../../records/domain/personal-text.js';
import { RECORD_LIMITS } from '../../records/record-bodies.js';
import type { ContactFields } from '../../contacts/domain/contact.events.js';
import type { MaskedLead, SentLead } from './lead.events.js';

/** What stands for a name where none was given. */
const NO_NAME = '—';
const { name: LONGEST_NAME, note: LONGEST_NOTE, points: MOST_POINTS } = RECORD_LIMITS;

/** Attribution as the deal keeps it: as sent, and with numbers and e-mails masked. */
export type Attribution = Secret<Readonly<Record<string, { readonly text: string; readonly masked: string }>>>;

/** What was sent, without what ingest thought of it. */
export function sentLead({ quarantineReason: _reason, ...sent }: SealedLead): SentLead {
  return sent as SentLead;
}

/** Why a lead is put aside, or null: what ingest says, or the form that puts all its leads aside. */
export function quarantineReason(lead: SealedLead, form: { readonly quarantine?: boolean }): QuarantineReason | null {
  return lead.quarantineReason ?? (form.quarantine === true ? 'form' : null);
}

/** Ingest sends nothing else; but what was set aside may be what ingest would not send, and must be kept all the same. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\ufffd');
}

/** A lead as lists show it while it waits: numbers and e-mails masked, wherever they stand. */
export function maskedLead(lead: SentLead, region: string): MaskedLead {
  const masked = (value: string): string => maskText(storable(cut(value.normalize('NFC'), LONGEST_NOTE)), region);
  const text = (value: string | undefined): string | null => {
    const trimmed = value?.trim() ?? '';
    return trimmed === '' ? null : masked(trimmed);
  };
  const mask = (kind: ContactPoint['kind'], value: string | undefined): string | null => {
    const point = value === undefined ? undefined : receivedPoint(kind, '', value, region);
    return point === undefined ? null : maskPoint(point);
  };
  const attribution = Object.entries(lead.attribution).map(([key, value]) => [masked(key), masked(value)]);
  return {
    ...{ name: text(lead.name), phone: mask('phone', lead.phone), email: mask('email', lead.email) },
    ...{ company: text(lead.company), title: text(lead.title), message: text(lead.message) },
    attribution: Object.fromEntries(attribution) as Record<string, string>,
  };
}

/** The telephone and the e-mail of a lead as contact points, unverified; raw where they do not parse. Masks are no data. */
export function leadPoints(lead: SentLead, ids: { phone: string; email: string }, region: string): readonly ContactPoint[] {
  const phone = lead.phone === undefined ? undefined : receivedPoint('phone', ids.phone, lead.phone, region);
  const email = lead.email === undefined ? undefined : receivedPoint('email', ids.email, lead.email, region);
  return [phone, email].filter((point) => point !== undefined);
}

/** The fields of a new contact from a lead. */
export function newContactFields(lead: SentLead, points: readonly ContactPoint[], region: string): ContactFields {
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

/**
 * The change of a known contact: points that it does not have yet are added, raw ones too, as far as a contact takes points;
 * nothing else of it is touched.
 */
export function addedPoints(present: ContactFields, points: readonly ContactPoint[]): Partial<ContactFields> {
  const missing = (kind: ContactPoint['kind'], known: readonly ContactPoint[]): readonly ContactPoint[] => {
    const forms = new Set(known.map(sameness));
    const added = points.filter((point) => point.kind === kind && !forms.has(sameness(point)));
    return added.slice(0, Math.max(0, MOST_POINTS - known.length));
  };
  const [phones, emails] = [missing('phone', present.phones), missing('email', present.emails)];
  return {
    ...(phones.length === 0 ? {} : { phones: [...present.phones, ...phones] }),
    ...(emails.length === 0 ? {} : { emails: [...present.emails, ...emails] }),
  };
}

/** By what a point is known again: its lookup form, or, raw, its text. */
function sameness(point: ContactPoint): string | null {
  return lookupForm(point) ?? (point.value.isErased ? null : `raw:${point.value.expose()}`);
}

/** Where the lead came from, numbers in keys and values masked; null when it says nothing. */
export function leadAttribution(lead: SentLead, region: string): Attribution | null {
  const entries = Object.entries(lead.attribution);
  if (entries.length === 0) return null;
  const masked = entries.map(([key, text]) => [maskText(key, region), { text, masked: maskText(text, region) }] as const);
  return new Secret(Object.fromEntries(masked));
}

/** What the person wrote, cut to the length of a note; null when nothing. */
export function leadMessage(lead: SentLead, region: string): PersonalText | null {
  const message = lead.message?.trim() ?? '';
  return message === '' ? null : personalText(cut(message, LONGEST_NOTE), region);
}

/**
 * The note of the deal: what the person called it, the company he named, and what he wrote, a line or more each. The deal's title is
 * the form's alone, and no company is looked for: what a stranger writes links nothing.
 */
export function dealNote(lead: SentLead, region: string): PersonalText | null {
  const lines = [lead.title, lead.company, lead.message].map((text) => text?.trim() ?? '').filter((text) => text !== '');
  return lines.length === 0 ? null : personalText(cut(lines.join('\n'), LONGEST_NOTE), region);
}

function cut(text: string, characters: number): string {
  return [...text].slice(0, characters).join('');
}
