import { Secret, refuseField } from '#kernel';
import { emailKey, isMasked, maskContactNumber, maskEmail, normalisePhone, parseEmail, splitStored } from '#privacy';
import type { PersonalText } from './personal-text.js';

/** A phone or an e-mail of a contact or company. `raw` is what came by import or intake and did not parse: masked whole. */
export interface ContactPoint {
  readonly id: string;
  readonly kind: 'phone' | 'email';
  readonly form: 'normal' | 'raw';
  /** E.164 with extension (`+7…;ext=12`), or the address, or the raw text. */
  readonly value: Secret<string>;
  readonly label: PersonalText | null;
  readonly unverified: boolean;
}

/** A point as a body gives it: a value makes or replaces it, an id alone keeps it. Ids of new points come with the command. */
export interface PointInput {
  readonly id: string;
  readonly isNew: boolean;
  readonly value?: Secret<string>;
  readonly label?: PersonalText | null;
}

/** One complete number in E.164 form. Throws `masked-value` or `invalid-phone`, naming the field and never its value. */
export function phoneValue(text: string, region: string, path: string): Secret<string> {
  const parsed = normalisePhone(text, region, { keepRaw: false });
  if (parsed.ok) return new Secret(parsed.number.value);
  if (parsed.reason === 'masked') return refuseField('masked-value', path, 'A mask is not a number');
  return refuseField('invalid-phone', path, 'Not one complete telephone number');
}

/** One address. Throws `masked-value` or `invalid-email`. */
export function emailValue(text: string, path: string): Secret<string> {
  if (isMasked(text)) return refuseField('masked-value', path, 'A mask is not an address');
  const parsed = parseEmail(text);
  return parsed.ok ? new Secret(parsed.email) : refuseField('invalid-email', path, 'Not one complete e-mail address');
}

/**
 * The new list from the old one and the body's: what is left out is gone, an id that is not there is `unknown-reference`.
 */
export function mergePoints(
  kind: ContactPoint['kind'],
  present: readonly ContactPoint[],
  inputs: readonly PointInput[],
  path: string,
): readonly ContactPoint[] {
  const merged = inputs.map((input, index): ContactPoint => {
    const known = present.find(({ id }) => id === input.id);
    if (known === undefined) {
      if (!input.isNew || input.value === undefined) {
        return refuseField('unknown-reference', `${path}.${index}.id`, 'No such entry; leave the id out to add one');
      }
      return { id: input.id, kind, form: 'normal', value: input.value, label: input.label ?? null, unverified: false };
    }
    const label = input.label === undefined ? known.label : input.label;
    if (input.value === undefined) return { ...known, label };
    return { ...known, form: 'normal', value: input.value, label, unverified: false };
  });
  const ids = new Set(merged.map(({ id }) => id));
  if (ids.size < merged.length) refuseField('validation-failed', path, 'The same entry twice');
  return merged;
}

/** What a read model and a masked viewer get. */
export function maskPoint(point: ContactPoint): string {
  if (point.value.isErased) return '***';
  const value = point.value.expose();
  if (point.kind === 'email') return point.form === 'raw' ? '***' : maskEmail(value);
  return maskContactNumber({ kind: point.form === 'raw' ? 'raw' : 'e164', value });
}

/** The form that exact lookup compares; null for raw text, which is never found. */
export function lookupForm(point: ContactPoint): string | null {
  if (point.form === 'raw' || point.value.isErased) return null;
  const value = point.value.expose();
  return point.kind === 'email' ? emailKey(value) : splitStored(value).e164;
}

/** A point as intake makes it: never refused, kept raw where it does not parse. Undefined for a mask. */
export function receivedPoint(kind: ContactPoint['kind'], id: string, text: string, region: string): ContactPoint | undefined {
  const base = { id, kind, label: null, unverified: true } as const;
  if (kind === 'email') {
    if (isMasked(text)) return undefined;
    const parsed = parseEmail(text);
    return parsed.ok
      ? { ...base, form: 'normal', value: new Secret(parsed.email) }
      : { ...base, form: 'raw', value: new Secret(text.trim().slice(0, 254)) };
  }
  const parsed = normalisePhone(text, region, { keepRaw: true });
  if (!parsed.ok) return undefined;
  return { ...base, form: parsed.number.kind === 'raw' ? 'raw' : 'normal', value: new Secret(parsed.number.value) };
}
