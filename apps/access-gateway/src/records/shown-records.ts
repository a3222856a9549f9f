import { z } from 'zod';
import type { ClearPoint, MaskedPhone } from '#contracts';

/** The columns of a record as a query gives them; what a kind does not have is absent. */
export interface RecordRow {
  readonly id: string;
  readonly name?: string;
  readonly title?: string;
  readonly phones?: readonly MaskedPhone[];
  readonly emails?: readonly MaskedPhone[];
  readonly company_id?: string | null;
  readonly responsible_id: string | null;
  readonly lead_id?: string | null;
  readonly website?: string | null;
  readonly address?: string | null;
  readonly amount?: string | null;
  readonly currency?: string | null;
  readonly pipeline_id?: string;
  readonly stage_id?: string;
  readonly status?: string;
  readonly lose_reason?: string | null;
  readonly contact_ids?: readonly string[];
  readonly note?: string | null;
  readonly tags: readonly string[];
  readonly custom_fields?: unknown;
  /** As the database writes them, or as ISO 8601. */
  readonly created_at: string;
  readonly updated_at: string;
  readonly version: number;
}

const maskedPoint = z.object({
  id: z.uuid(),
  label: z.string().nullable(),
  masked: z.string(),
  unverified: z.literal(true).optional().describe('Came with a lead; nobody has confirmed it yet'),
});
const amount = z.object({ value: z.string(), currency: z.string() }).nullable();
const common = {
  id: z.uuid(),
  responsibleId: z.uuid().nullable(),
  tags: z.array(z.string()),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  version: z.int(),
};
const named = { name: z.string(), phones: z.array(maskedPoint), emails: z.array(maskedPoint) };

/** What the OpenAPI document says of rows and cards. */
export const rowSchemas = {
  contact: z.object({ ...common, ...named, companyId: z.uuid().nullable(), leadId: z.uuid().nullable() }),
  company: z.object({ ...common, ...named }),
  deal: z.object({
    ...common,
    title: z.string(),
    amount,
    companyId: z.uuid().nullable(),
    stageId: z.uuid(),
    status: z.enum(['open', 'won', 'lost']),
    leadId: z.uuid().nullable(),
  }),
};
/** Only on what came with a lead. */
const leadId = z.uuid().optional();
const card = {
  note: z.string().nullable(),
  customFields: z.record(z.uuid(), z.union([z.string(), z.number(), z.boolean(), z.object({ masked: z.string() })])),
  pointsUnavailable: z.literal(true).optional(),
};
const clearPoints = {
  phones: z.array(maskedPoint.extend({ number: z.string().optional() })),
  emails: z.array(maskedPoint.extend({ address: z.string().optional() })),
};
export const cardSchemas = {
  contact: rowSchemas.contact.extend({
    ...card,
    ...clearPoints,
    leadId,
    possibleDuplicates: z
      .array(z.uuid())
      .optional()
      .describe(
        'Other contacts that had the number or address of the lead that made this one; for those who may see all of them',
      ),
  }),
  company: rowSchemas.company.extend({ ...card, ...clearPoints, website: z.string().nullable(), address: z.string().nullable() }),
  deal: rowSchemas.deal.extend({
    note: card.note,
    customFields: card.customFields,
    pipelineId: z.uuid(),
    loseReason: z.string().optional(),
    contactIds: z.array(z.uuid()),
    contacts: z.array(z.object({ id: z.uuid(), name: z.string().optional() })),
    attribution: z.record(z.string(), z.string()).optional(),
    leadId,
  }),
};

/** A row of a list: these fields and nothing else; never a clear number. */
export function shownRow(row: RecordRow): Record<string, unknown> {
  return {
    id: row.id,
    ...(row.name === undefined ? { title: row.title } : { name: row.name, phones: row.phones, emails: row.emails }),
    ...(row.company_id === undefined ? {} : { companyId: row.company_id }),
    responsibleId: row.responsible_id,
    ...(row.stage_id === undefined ? {} : { stageId: row.stage_id, status: row.status, amount: shownAmount(row) }),
    ...(row.lead_id === undefined ? {} : { leadId: row.lead_id }),
    tags: row.tags,
    createdAt: shownInstant(row.created_at),
    updatedAt: shownInstant(row.updated_at),
    version: row.version,
  };
}

/** `2026-01-31 09:00:00.123456+00`, as PostgreSQL writes an instant in UTC. */
const WRITTEN_INSTANT = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\+00$/;

/** ISO 8601 in UTC to the millisecond. A page has a hundred of them: made of their own digits they take a tenth of what a Date does. */
export function shownInstant(text: string): string {
  if (!WRITTEN_INSTANT.test(text)) return new Date(text).toISOString();
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(3, '0').slice(0, 3)}Z`;
}

function shownAmount({ amount: value, currency }: RecordRow): { value: string; currency: string } | null {
  return value === null || value === undefined || currency === null || currency === undefined ? null : { value, currency };
}

/** What is added to a masked card for its viewer. Absent parts are parts he may not see. */
export interface CardParts {
  readonly clear?: readonly ClearPoint[];
  readonly pointsUnavailable?: boolean;
  readonly contacts?: readonly { readonly id: string; readonly name?: string }[];
  readonly attribution?: Readonly<Record<string, string>>;
  readonly possibleDuplicates?: readonly string[];
}

/** A card: the row, its further fields, and the parts that were decided for this viewer. */
export function shownCard(row: RecordRow, parts: CardParts): Record<string, unknown> {
  const { leadId, ...shown } = shownRow(row);
  return {
    ...shown,
    ...(typeof leadId === 'string' ? { leadId } : {}),
    ...(row.phones === undefined ? {} : withClear(row, parts.clear ?? [])),
    ...(row.website === undefined ? {} : { website: row.website, address: row.address ?? null }),
    ...(row.pipeline_id === undefined
      ? {}
      : { pipelineId: row.pipeline_id, contactIds: row.contact_ids ?? [], contacts: parts.contacts ?? [] }),
    ...(typeof row.lose_reason === 'string' ? { loseReason: row.lose_reason } : {}),
    note: row.note ?? null,
    customFields: row.custom_fields ?? {},
    ...(parts.attribution === undefined ? {} : { attribution: parts.attribution }),
    ...(parts.possibleDuplicates === undefined ? {} : { possibleDuplicates: parts.possibleDuplicates }),
    ...(parts.pointsUnavailable === true ? { pointsUnavailable: true } : {}),
  };
}

function withClear(row: RecordRow, clear: readonly ClearPoint[]): Record<string, unknown> {
  const byId = new Map(clear.map((point) => [point.id, point]));
  return {
    phones: (row.phones ?? []).map((phone) => {
      const number = byId.get(phone.id)?.number;
      return number === undefined ? phone : { ...phone, number };
    }),
    emails: (row.emails ?? []).map((email) => {
      const address = byId.get(email.id)?.address;
      return address === undefined ? email : { ...email, address };
    }),
  };
}
