import type { SealedLead } from '#contracts';
import { DomainError, Secret, isInstant, refuse, type FieldError } from '#kernel';
import { AttributionDraft } from './lead.attribution.js';
import { longerThan, storable } from './lead.text.js';

/** The largest body of a lead, in bytes (docs/intake.md, "Bodies"). */
export const MAX_BODY_BYTES = 64 * 1024;
/** The longest idempotency key, in characters: as for the gateway's. */
export const MAX_KEY_LENGTH = 255;

/** The person's own words and their limits in characters. What does not parse as a number or an e-mail is core's to keep as raw. */
const TEXT_LIMITS = { name: 200, phone: 100, email: 320, company: 200, title: 200, message: 10_000 } as const;
type TextField = keyof typeof TEXT_LIMITS;
const TEXT_FIELDS = Object.keys(TEXT_LIMITS) as TextField[];
const CONTACTABLE: readonly TextField[] = ['name', 'phone', 'email', 'message'];
/** Hidden on a page: a person leaves it empty, a machine fills it (docs/intake.md, "Bodies"). */
const TRAP = 'website';
const OWN_FIELDS: ReadonlySet<string> = new Set([...TEXT_FIELDS, 'attribution', 'consent', 'submissionId', TRAP]);
/** How a form without scripts sends the parts of a consent. */
const FLAT_CONSENT: ReadonlySet<string> = new Set(['consent[textId]', 'consent[givenAt]']);
const MAX_TEXT_ID = 200;
/** Enough to correct a form by; a body of nothing but faults gets no answer larger than itself. */
const MAX_ERRORS = 20;

export interface IntakeContext {
  /** Whether the form takes a lead only with a consent. */
  readonly requireConsent: boolean;
  /** The sender's address, canonical. */
  readonly ip: string;
  /** ISO 8601: when a check box was ticked, as far as anybody knows. */
  readonly receivedAt: string;
  /** Whether the body is one of texts alone, as an HTML form sends it. */
  readonly isFlat: boolean;
}

export interface LeadDraft {
  /** What core gets, to be sealed at once. */
  readonly lead: Secret<SealedLead>;
  /** The client's own id of this submission; null where it gave none. */
  readonly submissionId: string | null;
  /** Whether the field that only machines see was filled. */
  readonly isTrapped: boolean;
}

/**
 * Reads a parsed body as a lead (docs/intake.md, "Bodies"), whatever it holds. Throws a `DomainError` and nothing else:
 * `validation-failed` with `errors`, or `consent-required`. No refusal repeats anything of the body.
 */
export function leadOf(body: unknown, context: IntakeContext): LeadDraft {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid([{ path: '', code: 'not-an-object', message: 'Send an object of fields.' }]);
  }
  const fields = context.isFlat ? withConsent(body, context.receivedAt) : new Map<string, unknown>(Object.entries(body));
  const errors: FieldError[] = [];
  const texts = readTexts(fields, errors);
  const attribution = readAttribution(fields, errors);
  const consent = readConsent(fields.get('consent'), errors);
  const submissionId = readSubmissionId(fields.get('submissionId'), errors);
  if (errors.length === 0 && CONTACTABLE.every((field) => texts[field] === undefined)) {
    errors.push({ path: '', code: 'nothing-to-contact', message: 'Send at least one of name, phone, email and message.' });
  }
  if (errors.length > 0) throw invalid(errors);
  if (context.requireConsent && consent === undefined) refuse('consent-required');
  const lead: SealedLead = { ...texts, attribution, ...(consent ? { consent } : {}), ip: context.ip };
  return { lead: new Secret(lead), submissionId, isTrapped: isFilled(fields.get(TRAP)) };
}

function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && !(typeof value === 'string' && value.trim() === '');
}

/** `consent[textId]` and `consent[givenAt]`, or a check box `consent` whose value is the text's id and whose time is now. */
function withConsent(body: object, receivedAt: string): Map<string, unknown> {
  const fields = new Map<string, unknown>(Object.entries(body).filter(([name]) => !FLAT_CONSENT.has(name)));
  const given = new Map<string, unknown>(Object.entries(body).filter(([name]) => FLAT_CONSENT.has(name) || name === 'consent'));
  const textId = given.get('consent[textId]') ?? given.get('consent');
  if (isFilled(textId)) fields.set('consent', { textId, givenAt: given.get('consent[givenAt]') ?? receivedAt });
  else fields.delete('consent');
  return fields;
}

function readTexts(fields: ReadonlyMap<string, unknown>, errors: FieldError[]): Partial<Record<TextField, string>> {
  const texts: Partial<Record<TextField, string>> = {};
  for (const field of TEXT_FIELDS) {
    const text = readText(field, fields.get(field), TEXT_LIMITS[field], errors);
    if (text !== undefined) texts[field] = text;
  }
  return texts;
}

/** A trimmed text; blank and null count as absent, as an HTML form sends every field it has. */
function readText(path: string, value: unknown, limit: number, errors: FieldError[]): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') {
    errors.push({ path, code: 'not-a-string', message: 'Send a string.' });
    return undefined;
  }
  const text = storable(value).trim();
  if (longerThan(text, limit)) {
    errors.push({ path, code: 'too-long', message: `Send at most ${limit} characters.` });
    return undefined;
  }
  return text === '' ? undefined : text;
}

/** Everything that is not a lead's own field is where the lead came from, and sets nothing else of the deal. */
function readAttribution(fields: ReadonlyMap<string, unknown>, errors: FieldError[]): Record<string, string> {
  const draft = new AttributionDraft(errors);
  for (const [name, value] of fields) if (!OWN_FIELDS.has(name)) draft.addFlat(name, value);
  const nested = fields.get('attribution');
  if (nested !== undefined && nested !== null) draft.addNested(nested);
  return draft.finish();
}

function readConsent(value: unknown, errors: FieldError[]): SealedLead['consent'] {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) {
    errors.push({ path: 'consent', code: 'not-an-object', message: 'Send {textId, givenAt}.' });
    return undefined;
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const name of fields.keys()) {
    if (name === 'textId' || name === 'givenAt') continue;
    errors.push({ path: 'consent', code: 'unknown-field', message: 'A consent has textId and givenAt, nothing else.' });
  }
  const textId = readText('consent.textId', fields.get('textId') ?? '', MAX_TEXT_ID, errors);
  const givenAt = fields.get('givenAt');
  const instant = typeof givenAt === 'string' && isInstant(givenAt) ? Date.parse(givenAt) : Number.NaN;
  if (textId === undefined)
    errors.push({ path: 'consent.textId', code: 'required', message: 'Send the id of the text agreed to.' });
  if (Number.isNaN(instant)) {
    errors.push({ path: 'consent.givenAt', code: 'not-a-time', message: 'Send an ISO 8601 time with its zone.' });
    return undefined;
  }
  return textId === undefined ? undefined : { textId, givenAt: new Date(instant).toISOString() };
}

function readSubmissionId(value: unknown, errors: FieldError[]): string | null {
  return readText('submissionId', value, MAX_KEY_LENGTH, errors) ?? null;
}

function invalid(errors: readonly FieldError[]): DomainError {
  return new DomainError('validation-failed', { errors: errors.slice(0, MAX_ERRORS) });
}
