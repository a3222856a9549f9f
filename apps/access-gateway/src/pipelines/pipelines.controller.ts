import { Controller, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { GatewayDatabase } from '../database/gateway-database.js';
import { CoreClient } from '../core/core-client.js';
import {
  AsCommand,
  changed,
  changedSchema,
  decodeCursor,
  pageOf,
  pageQuerySchema,
  pageSchema,
  parsePage,
  PathId,
  refuseUnknown,
  tagged,
  type Changed,
  type CommandRequest,
  type Page,
} from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';

const pipelineSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  stages: z.array(z.object({ id: z.uuid(), name: z.string() })),
  version: z.int(),
});
type Pipeline = z.infer<typeof pipelineSchema>;

const text = z.string().min(1).max(200);
const createSchema = z.object({
  name: text,
  stages: z
    .array(z.object({ name: text }))
    .min(1)
    .max(50),
});
const changeSchema = z
  .object({
    name: text,
    stages: z
      .array(z.object({ id: z.uuid().optional(), name: text }))
      .min(1)
      .max(50),
  })
  .partial();
/** Sort keys of the last pipeline of a page. */
const cursorSchema = z.tuple([z.int32(), z.uuid()]);

@Controller('/v1/pipelines')
export class PipelinesController {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
  ) {}

  @Get()
  @RequiresScope('deals:read')
  @RequiresRight('pipelines', 'view')
  @Operation({ summary: 'Pipelines and their stages', tag: 'Deals', query: pageQuerySchema, answer: pageSchema(pipelineSchema) })
  async list(@Query() query: unknown): Promise<Page<Pipeline>> {
    const page = parsePage(query);
    refuseUnknown(page.rest);
    const [position, id] = page.cursor === null ? [null, null] : decodeCursor(page.cursor, cursorSchema);
    const rows = await this.select()
      .$if(position !== null, (select) =>
        select.where((row) => row(row.refTuple('position', 'id'), '>', row.tuple(position as number, id as string))),
      )
      .orderBy('position')
      .orderBy('id')
      .limit(page.limit + 1)
      .execute();
    return pageOf(rows, page.limit, shown, (row) => [row.position, row.id]);
  }

  @Post()
  @RequiresScope('deals:write')
  @RequiresRight('pipelines', 'edit')
  @Operation({
    summary: 'Make a pipeline with its stages',
    tag: 'Deals',
    body: createSchema,
    status: 201,
    answer: pipelineSchema,
    refusals: ['capacity-reached'],
  })
  async create(
    @CurrentWho() who: Who,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Pipeline> {
    const made = await this.core.command('CreatePipeline', who, request);
    return tagged(reply, shown(await this.select().where('id', '=', made.id).executeTakeFirstOrThrow()));
  }

  @Patch('/:id')
  @RequiresScope('deals:write')
  @RequiresRight('pipelines', 'edit')
  @Operation({
    summary: 'Change a pipeline; its stages are the whole new list, those with an id are kept',
    tag: 'Deals',
    body: changeSchema,
    answer: changedSchema,
    refusals: ['not-found', 'version-conflict', 'unknown-reference', 'stage-in-use'],
  })
  async change(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return changed(reply, await this.core.command('ChangePipeline', who, { ...request, targetId: id }));
  }

  private select() {
    return this.database.db.selectFrom('read.pipelines').select(['id', 'name', 'stages', 'position', 'version']);
  }
}

function shown({
  id,
  name,
  stages,
  version,
}: Omit<Pipeline, 'stages'> & { stages: readonly Pipeline['stages'][number][] }): Pipeline {
  return { id, name, stages: [...stages], version };
}
