import { Secret, refuseField } from '#kernel';
import { findsNumber, maskPhone } from '#privacy';
import type { CustomFieldDefinition } from '../../custom-fields/domain/custom-field.events.js';
import { phoneValue } from './contact-point.js';
import { personalText } from './personal-text.js';

/** Longest value of a `text` field and of a `phone` field, in characters. */
const LONGEST = { text: 1_000, phone: 100 };

/** A value with its type, so that a projection needs no definition: a text also as read models hold it, a phone in E.164. */
export type CustomContent =
  | { readonly type: 'text'; readonly value: string; readonly masked: string }
  | { readonly type: 'phone' | 'date' | 'choice'; readonly value: string }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean };

/** By id of the field. In a change it is partial, and null empties a field; what a record has holds no nulls. */
export type CustomValues = Readonly<Record<string, Secret<CustomContent> | null>>;

/** A field that values can be given for. */
export interface KnownField extends Pick<CustomFieldDefinition, 'name' | 'type' | 'choices'> {
  readonly id: string;
}

/** The values without those that are empty. */
export function filledValues(values: CustomValues): CustomValues {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

/**
 * Values as a body gives them, by id or exact name of their field. Throws `validation-failed`, `invalid-phone` or `masked-value`
 * naming the field by its id; a key that is no field is not repeated, for it is the client's own text.
 */
export function readCustomValues(
  sent: Readonly<Record<string, unknown>>,
  known: readonly KnownField[],
  region: string,
): CustomValues {
  const byId = new Map(known.map((field) => [field.id, field]));
  const byName = new Map(known.map((field) => [field.name, field]));
  const values = new Map<string, Secret<CustomContent> | null>();
  for (const [key, value] of Object.entries(sent)) {
    const field = byId.get(key.toLowerCase()) ?? byName.get(key.normalize('NFC'));
    if (field === undefined) return refuseField('validation-failed', 'customFields', 'Unknown field');
    const path = `customFields.${field.id}`;
    if (values.has(field.id)) return refuseField('validation-failed', path, 'The same field twice');
    values.set(field.id, isEmpty(value, field) ? null : new Secret(contentOf(value, field, region, path)));
  }
  return Object.fromEntries(values);
}

/** null, and a text without a character: there is nothing to keep. */
function isEmpty(value: unknown, { type }: KnownField): boolean {
  return value === null || (type === 'text' && typeof value === 'string' && value.trim() === '');
}

function contentOf(value: unknown, { type, choices }: KnownField, region: string, path: string): CustomContent {
  const invalid = (message: string): never => refuseField('validation-failed', path, message);
  switch (type) {
    case 'text': {
      if (typeof value !== 'string' || value.length > LONGEST.text)
        return invalid(`A text of at most ${LONGEST.text} characters`);
      const { text, masked } = personalText(value, region).expose();
      return { type, value: text, masked };
    }
    case 'phone':
      if (typeof value !== 'string' || value.length > LONGEST.phone) return invalid('One complete telephone number');
      return { type, value: phoneValue(value, region, path).expose() };
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) return invalid('A number');
      // It would be shown to everybody who sees the card: what reads as a telephone number belongs in a field that hides it.
      if (findsNumber(String(value), region)) return invalid('It reads as a telephone number: use a field of type phone');
      return { type, value };
    case 'boolean':
      return typeof value === 'boolean' ? { type, value } : invalid('true or false');
    case 'date':
      return typeof value === 'string' && isDate(value) ? { type, value } : invalid('A date as YYYY-MM-DD');
    case 'choice': {
      const chosen = typeof value === 'string' ? value.normalize('NFC') : '';
      return choices?.includes(chosen) === true ? { type, value: chosen } : invalid('One of the choices of the field');
    }
  }
}

/** A day that the calendar has (proleptic Gregorian, ISO 8601), from year 1 on. */
function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || text.startsWith('0000')) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** What a read model holds: masked, a phone as its mask in an object, so that it cannot travel back as data. */
export type ShownValue = string | number | boolean | null | { readonly masked: string };

/** By id of the field; what was erased is absent. */
export function shownValues(values: CustomValues): Readonly<Record<string, ShownValue>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([id, value]): [string, ShownValue][] => {
      if (value === null) return [[id, null]];
      return value.isErased ? [] : [[id, shownContent(value.expose())]];
    }),
  );
}

function shownContent(content: CustomContent): ShownValue {
  if (content.type === 'text') return content.masked;
  return content.type === 'phone' ? { masked: maskPhone(content.value) } : content.value;
}
