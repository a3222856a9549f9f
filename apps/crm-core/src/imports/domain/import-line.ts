import { z } from 'zod';
import { refuse } from '#kernel';
import type { ImportLine } from '#contracts';
import { normalisePhone } from '#privacy';
import type { ContactFields } from '../../contacts/domain/contact.events.js';
import { nameText, noteText, RECORD_LIMITS, tagList, tagTexts, textOrNull } from '../../records/record-bodies.js';
import { receivedPoint, type ContactPoint } from '../../records/domain/contact-point.js';
import { personalText } from '../../records/domain/personal-text.js';

/** What a line says of its company and of its responsible person: texts yet, to be looked up. */
export interface NamedInLine {
  readonly company: string | null;
  readonly responsibleEmail: string | null;
}

const SEPARATORS = /[,;\n]/;
const lineSchema = z.object({
  name: nameText,
  phone: z.string().max(RECORD_LIMITS.line).default(''),
  email: z.string().max(RECORD_LIMITS.line).default(''),
  company: z.string().trim().max(RECORD_LIMITS.name).default(''),
  responsibleEmail: z.string().trim().max(RECORD_LIMITS.email).default(''),
  tags: z
    .string()
    .default('')
    .transform((cell) => cell.split(SEPARATORS).flatMap((tag) => (tag.trim() === '' ? [] : [tag.trim()])))
    .pipe(tagList),
  note: noteText.default(null),
});

/**
 * The fields of the contact that a line describes, and the names in it. `newId` gives the ids of its contact points. Throws a DomainError:
 * `validation-failed` when a cell is missing or too long, `masked-value` for a mask where a number or an address belongs.
 */
export function contactOfLine(
  line: ImportLine,
  region: string,
  newId: () => string,
): { readonly fields: ContactFields; readonly named: NamedInLine } {
  const parsed = lineSchema.safeParse(line);
  if (!parsed.success) return refuse('validation-failed');
  const { name, phone, email, company, responsibleEmail, tags, note } = parsed.data;
  const fields: ContactFields = {
    name: personalText(name, region),
    phones: pointsOf('phone', severalPhones(phone, region), region, newId),
    emails: pointsOf('email', severalEmails(email), region, newId),
    companyId: null,
    note: textOrNull(note, region),
    tags: tagTexts(tags, region),
    customFields: {},
  };
  return { fields, named: { company: textOf(company), responsibleEmail: textOf(responsibleEmail) } };
}

function textOf(text: string): string | null {
  return text === '' ? null : text;
}

/**
 * A cell of several numbers is taken apart where each part is a whole number; else the cell is one text, kept raw when it is none (a comma may
 * as well stand before an extension).
 */
function severalPhones(cell: string, region: string): readonly string[] {
  if (normalisePhone(cell, region, { keepRaw: false }).ok) return [cell];
  const parts = cell.split(SEPARATORS).filter((part) => part.trim() !== '');
  const areNumbers = parts.length > 1 && parts.every((part) => normalisePhone(part, region, { keepRaw: false }).ok);
  return areNumbers ? parts : [cell];
}

/** No address holds a comma, a semicolon or white space without quotes, and quoted ones are not kept anywhere here. */
function severalEmails(cell: string): readonly string[] {
  const parts = cell.split(/[,;\s]+/).filter((part) => part !== '');
  return parts.every((part) => part.includes('@')) ? parts : [cell];
}

/** The importer vouches for what he brings, so the points are not marked as unverified. */
function pointsOf(
  kind: ContactPoint['kind'],
  texts: readonly string[],
  region: string,
  newId: () => string,
): readonly ContactPoint[] {
  const given = texts.filter((text) => text.trim() !== '');
  if (given.length > RECORD_LIMITS.points) refuse('validation-failed');
  return given.map((text) => {
    const point = receivedPoint(kind, newId(), text, region);
    return point === undefined ? refuse('masked-value') : { ...point, unverified: false };
  });
}
