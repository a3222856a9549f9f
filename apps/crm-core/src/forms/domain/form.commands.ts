import { z } from 'zod';

/** Scheme, host and port of a page, as browsers send it in `Origin` (RFC 6454). */
const origin = z
  .string()
  .max(300)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text);
const pageUrl = z
  .string()
  .max(2_000)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol));

const fields = {
  name: z.string().trim().min(1).max(200),
  enabled: z.boolean(),
  allowedOrigins: z.array(origin).max(50),
  pipelineId: z.uuid().toLowerCase().nullable(),
  stageId: z.uuid().toLowerCase().nullable(),
  titleTemplate: z.string().trim().min(1).max(200),
  assign: z
    .union([z.strictObject({ userId: z.uuid().toLowerCase() }), z.strictObject({ departmentId: z.uuid().toLowerCase() })])
    .nullable(),
  requireConsent: z.boolean(),
  successUrl: pageUrl.nullable(),
  // What is not built yet is taken at its default only: a promise that is not kept is refused.
  requireSignature: z.literal(false),
  quarantine: z.literal(false),
  format: z.literal('palisade'),
};

/** `POST /v1/forms`: only the name is required. */
export const createFormBody = z.strictObject({
  ...fields,
  enabled: fields.enabled.default(true),
  allowedOrigins: fields.allowedOrigins.default([]),
  pipelineId: fields.pipelineId.default(null),
  stageId: fields.stageId.default(null),
  titleTemplate: fields.titleTemplate.default('Lead from {form}'),
  assign: fields.assign.default(null),
  requireConsent: fields.requireConsent.default(false),
  successUrl: fields.successUrl.default(null),
  requireSignature: fields.requireSignature.optional(),
  quarantine: fields.quarantine.optional(),
  format: fields.format.optional(),
});

/** `PATCH /v1/forms/:id`. */
export const changeFormBody = z.strictObject(fields).partial();
