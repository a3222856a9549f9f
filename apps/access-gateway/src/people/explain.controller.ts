import { Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import type { Explanation } from '#contracts';
import { CoreClient } from '../core/core-client.js';
import { readJson, Sent, type SentBody } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';

const questionSchema = z.strictObject({
  userId: z.uuid().toLowerCase(),
  action: z.string().max(40),
  recordType: z.enum(['contact', 'company', 'deal']),
  recordId: z.uuid().toLowerCase(),
  at: z.iso.datetime({ offset: true }).optional(),
});
const explanationSchema = z.object({
  decision: z.enum(['allowed', 'refused']),
  level: z.enum(['forbidden', 'responsible', 'group', 'allowed']),
  because: z.array(z.string()),
});

/** Why somebody may do something, or may not, now or in the past. It takes `audit.view`: it tells of any record and any person. */
@Controller('/v1/access/explain')
export class ExplainController {
  constructor(private readonly core: CoreClient) {}

  @Post()
  @HttpCode(200)
  @RequiresScope('users:read')
  @RequiresRight('audit', 'view')
  @Operation({
    summary: 'Whether a person may do something to a record, and why; now or at a past time',
    tag: 'People and rights',
    body: questionSchema,
    answer: explanationSchema,
    takesNoKey: true,
    refusals: ['not-found'],
  })
  async explain(@CurrentWho() who: Who, @Sent() sent: SentBody): Promise<Explanation> {
    const { at = null, ...question } = readJson(sent, questionSchema);
    const { decision, level, because } = await this.core.query<{ ok: true } & Explanation>('Explain', {
      ...{ requestId: who.requestId, caller: who.caller, at },
      ...question,
    });
    return { decision, level, because };
  }
}
