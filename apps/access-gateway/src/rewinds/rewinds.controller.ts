import { Controller, Get, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CHANGE_KINDS } from '#contracts';
import { AsCommand, PathId, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CoreClient } from '../core/core-client.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import { Rewinds, type Rewind, type RewindLists } from './rewinds.js';

const tag = 'Undoing';
/** Planning the most that core plans at once (50,000 records) takes several seconds. */
const PLANNED_WITHIN_MS = 30_000;
const bodySchema = z.object({ since: z.iso.datetime(), until: z.iso.datetime().optional(), dryRun: z.boolean().optional() });
const changeSchema = z.object({
  recordType: z.enum(['contact', 'company', 'deal']),
  recordId: z.uuid(),
  version: z.int(),
  kind: z.enum(CHANGE_KINDS),
  fields: z.array(z.string()),
});
const listsSchema = z.object({
  changes: z.array(changeSchema),
  conflicts: z.array(
    changeSchema.extend({
      field: z.string(),
      changedBy: z.uuid().nullable(),
      reason: z.enum(['changed-later', 'erased']),
    }),
  ),
});
const startedSchema = z.object({ rewindId: z.uuid() });
const rewindSchema = startedSchema.extend({
  state: z.enum(['running', 'done', 'failed']),
  done: z.int(),
  total: z.int(),
  ...listsSchema.shape,
});

@Controller('/v1')
export class RewindsController {
  constructor(
    private readonly core: CoreClient,
    private readonly rewinds: Rewinds,
  ) {}

  @Post('/users/:id/rewind')
  @RequiresScope('records:rewind')
  @RequiresRight('records', 'rewind')
  @Operation({
    summary: 'Undo what a person changed since a moment; a dry run tells what that would be (200)',
    tag,
    body: bodySchema,
    status: 202,
    answer: startedSchema,
    orElse: { status: 200, answer: listsSchema },
    refusals: ['not-found', 'rewind-too-large'],
  })
  async rewind(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof startedSchema> | RewindLists> {
    const planned = await this.core.command('RewindUser', who, { ...request, targetId: id, deadlineMs: PLANNED_WITHIN_MS });
    const isPreview = planned.version === 0;
    reply.status(isPreview ? 200 : 202);
    if (!isPreview) return { rewindId: planned.id };
    return this.rewinds.preview(who, planned.id);
  }

  @Get('/rewinds/:id')
  @RequiresScope('records:rewind')
  @RequiresRight('records', 'rewind')
  @Operation({ summary: 'How far a rewind is, and what it undoes', tag, answer: rewindSchema, refusals: ['not-found'] })
  get(@CurrentWho() who: Who, @Param('id', PathId) id: string): Promise<Rewind> {
    return this.rewinds.get(who, id);
  }
}
