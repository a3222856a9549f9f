import { z } from 'zod';
import { FORM_FORMATS } from '#contracts';

const SHORTEST_SECRET = 16;
const LONGEST_SECRET = 200;
/** The upper bound only keeps a typing error out. */
const MOST_AN_HOUR = 1_000_000;
const PLACEHOLDERS: ReadonlySet<string> = new Set(['form', 'date', 'number']);

const isWebUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

/** Scheme, host and port of a page, as browsers send it in `Origin` (RFC 6454). */
const origin = z
  .string()
  .max(300)
  .refine((text) => isWebUrl(text) && new URL(text).origin === text);
/** Where a browser is sent: no password in it, and nothing that cannot stand in a header. */
const pageUrl = z
  .string()
  .max(2_000)
  .refine(
    (text) => isWebUrl(text) && new URL(text).username + new URL(text).password === '' && !/[\u0000-\u0020\u007f]/.test(text),
  );
/** Nothing of the lead may stand in a title, so no other placeholder is even looked at. */
const template = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .refine((text) => [...text.matchAll(/\{([^{}]*)\}/g)].every(([, name]) => PLACEHOLDERS.has(name ?? '')));
/** Visible ASCII, so that every client's HMAC reads it as the same bytes. */
const secret = z
  .string()
  .min(SHORTEST_SECRET)
  .max(LONGEST_SECRET)
  .regex(/^[\x21-\x7e]+$/);

const fields = {
  name: z.string().trim().min(1).max(200),
  enabled: z.boolean(),
  allowedOrigins: z
    .array(origin)
    .max(50)
    .transform((origins) => [...new Set(origins)]),
  pipelineId: z.uuid().toLowerCase().nullable(),
  stageId: z.uuid().toLowerCase().nullable(),
  titleTemplate: template,
  assign: z
    .union([z.strictObject({ userId: z.uuid().toLowerCase() }), z.strictObject({ departmentId: z.uuid().toLowerCase() })])
    .nullable(),
  requireConsent: z.boolean(),
  requireSignature: z.boolean(),
  quarantine: z.boolean(),
  quarantineAfter: z.int().min(0).max(MOST_AN_HOUR).nullable(),
  successUrl: pageUrl.nullable(),
  format: z.enum(FORM_FORMATS),
};

/** `POST /v1/forms`: only the name is required. A secret that is needed and not given is made. */
export const createFormBody = z.strictObject({
  ...fields,
  enabled: fields.enabled.default(true),
  allowedOrigins: fields.allowedOrigins.default([]),
  pipelineId: fields.pipelineId.default(null),
  stageId: fields.stageId.default(null),
  titleTemplate: fields.titleTemplate.default('Lead from {form}'),
  assign: fields.assign.default(null),
  requireConsent: fields.requireConsent.default(false),
  requireSignature: fields.requireSignature.default(false),
  quarantine: fields.quarantine.default(false),
  quarantineAfter: fields.quarantineAfter.default(60),
  successUrl: fields.successUrl.default(null),
  format: fields.format.default('palisade'),
  secret: secret.optional(),
});

/** `PATCH /v1/forms/:id`. A secret takes the place of the one before. */
export const changeFormBody = z.strictObject({ ...fields, secret }).partial();
