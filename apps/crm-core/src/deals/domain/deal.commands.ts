import { z } from 'zod';
import { nameText, customFieldMap, noteText, tagList } from '../../records/record-bodies.js';

/** Contacts that one deal can have. */
const CONTACTS_MAX = 50;
/** `numeric(20, 2)`: 18 digits before the point, 2 after it; no sign, no leading zeros. */
const DECIMAL = /^(?:0|[1-9]\d{0,17})(?:\.\d{1,2})?$/;
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/** Ids are compared as texts, so they are kept as PostgreSQL writes them: in lower case. */
const id = z.uuid().toLowerCase();

/** Written as the database writes it, so that `1500` and `1500.00` are the same amount. */
const decimal = z
  .string()
  .regex(DECIMAL)
  .transform((text) => {
    const [whole = '', fraction = ''] = text.split('.');
    return `${whole}.${fraction.padEnd(2, '0')}`;
  });
const amount = z.strictObject({ value: decimal, currency: z.string().refine((code) => CURRENCIES.has(code)) }).nullable();

/** Each contact once, in the order of their first mention. */
const contactIds = z
  .array(id)
  .max(CONTACTS_MAX)
  .transform((ids) => [...new Set(ids)]);

const dealFields = {
  title: nameText,
  amount,
  contactIds,
  companyId: id.nullable(),
  note: noteText,
  tags: tagList,
  customFields: customFieldMap,
};

/** `POST /v1/deals`. `responsibleId` left out: the creator; null: nobody. Pipeline and stage left out: the first. */
export const createDealBody = z.strictObject({
  ...dealFields,
  amount: amount.default(null),
  contactIds: contactIds.default([]),
  companyId: dealFields.companyId.default(null),
  note: noteText.default(null),
  tags: tagList.default([]),
  customFields: customFieldMap.default({}),
  pipelineId: id.optional(),
  stageId: id.optional(),
  responsibleId: id.nullable().optional(),
});

/** `PATCH /v1/deals/:id`. A change of `responsibleId` here takes the right to assign as well; the stage changes by moving. */
export const changeDealBody = z.strictObject({ ...dealFields, responsibleId: id.nullable() }).partial();

/** Length of the reason for a loss, in characters. */
const REASON = { min: 3, max: 500 };

/** `POST /v1/deals/:id/lose`. */
export const loseDealBody = z.strictObject({ reason: z.string().trim().min(REASON.min).max(REASON.max) });

/** `POST /v1/deals/:id/move`. */
export const moveDealBody = z.strictObject({ stageId: id });
