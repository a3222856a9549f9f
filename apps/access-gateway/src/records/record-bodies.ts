import { z } from 'zod';

const phone = z.object({ id: z.uuid().optional(), label: z.string().nullable().optional(), number: z.string().optional() });
const email = z.object({ id: z.uuid().optional(), label: z.string().nullable().optional(), address: z.string().optional() });
const common = {
  responsibleId: z.uuid().nullable().optional(),
  note: z.string().max(10_000).nullable().optional(),
  tags: z.array(z.string().max(64)).max(50).optional(),
  customFields: z.record(z.string(), z.union([z.string().max(1_000), z.number(), z.boolean()]).nullable()).optional(),
};
const named = {
  name: z.string().min(1).max(200),
  phones: z.array(phone).max(50).optional(),
  emails: z.array(email).max(50).optional(),
};

/** Bodies as the OpenAPI document tells them. Core judges what is sent, after the rights; this is its description. */
export const recordBodies = {
  contact: z.object({ ...named, companyId: z.uuid().nullable().optional(), ...common }),
  company: z.object({
    ...named,
    website: z.string().nullable().optional(),
    address: z.string().nullable().optional(),
    ...common,
  }),
  deal: z.object({
    title: z.string().min(1).max(200),
    amount: z
      .object({ value: z.string(), currency: z.string().length(3) })
      .nullable()
      .optional(),
    pipelineId: z.uuid().optional(),
    stageId: z.uuid().optional(),
    contactIds: z.array(z.uuid()).max(50).optional(),
    companyId: z.uuid().nullable().optional(),
    ...common,
  }),
};
