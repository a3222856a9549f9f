import { z } from 'zod';

/** Pipelines of a company and stages of one pipeline; lengths in characters. */
export const PIPELINE_LIMITS = { pipelines: 100, stages: 50, name: 200 };

const name = z.string().trim().normalize('NFC').min(1).max(PIPELINE_LIMITS.name);

/** `POST /v1/pipelines`. */
export const createPipelineBody = z.strictObject({
  name,
  stages: z.array(z.strictObject({ name })).min(1).max(PIPELINE_LIMITS.stages),
});

/** `PATCH /v1/pipelines/:id`. The stages are the whole new list: one with an id is kept, one without is new. */
export const changePipelineBody = z
  .strictObject({
    name,
    stages: z
      .array(z.strictObject({ id: z.uuid().toLowerCase().optional(), name }))
      .min(1)
      .max(PIPELINE_LIMITS.stages),
  })
  .partial();
