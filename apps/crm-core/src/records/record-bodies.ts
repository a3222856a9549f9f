import { randomUUIDv7 } from 'node:crypto';
import { z } from 'zod';
import { CUSTOM_FIELD_LIMITS } from '../custom-fields/domain/custom-field.commands.js';
import { emailValue, phoneValue, type PointInput } from './domain/contact-point.js';
import { personalText, type PersonalText } from './domain/personal-text.js';

/** Limits of texts, in characters, and of lists, in entries. One place for all records. */
export const RECORD_LIMITS = {
  name: 200,
  note: 10_000,
  tag: 64,
  tags: 50,
  label: 64,
  points: 50,
  line: 500,
  number: 100,
  email: 254,
};

export const nameText = z.string().trim().min(1).max(RECORD_LIMITS.name);
export const noteText = z.string().max(RECORD_LIMITS.note).nullable();
export const lineText = z.string().trim().max(RECORD_LIMITS.line).nullable();
export const tagList = z.array(z.string().trim().min(1).max(RECORD_LIMITS.tag)).max(RECORD_LIMITS.tags);
const label = z.string().trim().max(RECORD_LIMITS.label).nullable();

const phoneBody = z.union([
  z.strictObject({
    id: z.uuid().toLowerCase(),
    label: label.optional(),
    number: z.string().max(RECORD_LIMITS.number).optional(),
  }),
  z.strictObject({ label: label.optional(), number: z.string().max(RECORD_LIMITS.number) }),
]);
const emailBody = z.union([
  z.strictObject({
    id: z.uuid().toLowerCase(),
    label: label.optional(),
    address: z.string().max(RECORD_LIMITS.email).optional(),
  }),
  z.strictObject({ label: label.optional(), address: z.string().max(RECORD_LIMITS.email) }),
]);
export const phoneList = z.array(phoneBody).max(RECORD_LIMITS.points);
export const emailList = z.array(emailBody).max(RECORD_LIMITS.points);
/** Values by id or name of their field; they are judged by the fields' definitions. */
export const customFieldMap = z
  .record(z.string(), z.unknown())
  .refine((map) => Object.keys(map).length <= CUSTOM_FIELD_LIMITS.fields);
export const assignBody = z.strictObject({ responsibleId: z.uuid().toLowerCase().nullable() });

function pointInput(
  body: { id?: string; label?: string | null | undefined },
  value: PointInput['value'],
  region: string,
): PointInput {
  return {
    id: body.id ?? randomUUIDv7(),
    isNew: body.id === undefined,
    ...(value === undefined ? {} : { value }),
    ...(body.label === undefined ? {} : { label: textOrNull(body.label, region) }),
  };
}

/** The phones of a body, read in a region (ISO 3166). Throws `invalid-phone` or `masked-value`, naming the place. */
export function phoneInputs(bodies: z.output<typeof phoneList>, region: string): readonly PointInput[] {
  return bodies.map((body, index) =>
    pointInput(body, body.number === undefined ? undefined : phoneValue(body.number, region, `phones.${index}.number`), region),
  );
}

/** The e-mails of a body. Throws `invalid-email` or `masked-value`, naming the place. */
export function emailInputs(bodies: z.output<typeof emailList>, region: string): readonly PointInput[] {
  return bodies.map((body, index) =>
    pointInput(body, body.address === undefined ? undefined : emailValue(body.address, `emails.${index}.address`), region),
  );
}

/** null stays null, and so does an empty text: there is nothing to keep. */
export function textOrNull(text: string | null, region: string): PersonalText | null {
  return text === null || text.trim() === '' ? null : personalText(text, region);
}

/** Tags in NFC, each once; free text, so numbers in them are masked. */
export function tagTexts(tags: readonly string[], region: string): readonly PersonalText[] {
  return [...new Set(tags.map((tag) => tag.normalize('NFC')))].map((tag) => personalText(tag, region));
}
