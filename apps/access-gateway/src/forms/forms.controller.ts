import { Controller, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { DomainError } from '#kernel';
import { CoreClient } from '../core/core-client.js';
import { GatewayDatabase } from '../database/gateway-database.js';
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

const tag = 'Lead forms';
const bodySchema = z.looseObject({
  name: z.string(),
  enabled: z.boolean().optional(),
  allowedOrigins: z.array(z.string()).optional(),
  pipelineId: z.uuid().nullable().optional(),
  stageId: z.uuid().nullable().optional(),
  titleTemplate: z.string().optional(),
  assign: z.union([z.object({ userId: z.uuid() }), z.object({ departmentId: z.uuid() }), z.null()]).optional(),
  requireConsent: z.boolean().optional(),
  successUrl: z.string().nullable().optional(),
});
const formSchema = bodySchema.extend({ id: z.uuid(), key: z.string(), enabled: z.boolean(), version: z.int() });
type Form = z.infer<typeof formSchema>;

interface FormRow {
  id: string;
  key: string;
  name: string;
  enabled: boolean;
  settings: Record<string, unknown>;
  version: number;
}

@Controller('/v1/forms')
export class FormsController {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
  ) {}

  @Get()
  @RequiresScope('forms:read')
  @RequiresRight('forms', 'view')
  @Operation({ summary: 'Lead forms', tag, query: pageQuerySchema, answer: pageSchema(formSchema) })
  async list(@Query() query: unknown): Promise<Page<Form>> {
    const page = parsePage(query);
    refuseUnknown(page.rest);
    const after = page.cursor === null ? null : decodeCursor(page.cursor, z.uuid());
    const rows = await this.select()
      .$if(after !== null, (select) => select.where('id', '>', after as string))
      .orderBy('id')
      .limit(page.limit + 1)
      .execute();
    return pageOf(rows, page.limit, shown, (row) => row.id);
  }

  @Post()
  @RequiresScope('forms:write')
  @RequiresRight('forms', 'edit')
  @Operation({
    summary: 'Make a lead form',
    tag,
    body: bodySchema,
    status: 201,
    answer: formSchema,
    refusals: ['unknown-reference', 'responsible-inactive'],
  })
  async create(
    @CurrentWho() who: Who,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Form> {
    const made = await this.core.command('CreateForm', who, request);
    return tagged(reply, await this.find(made.id));
  }

  @Get('/:id')
  @RequiresScope('forms:read')
  @RequiresRight('forms', 'view')
  @Operation({ summary: 'One lead form', tag, answer: formSchema, refusals: ['not-found'] })
  async get(@Param('id', PathId) id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Form> {
    return tagged(reply, await this.find(id));
  }

  @Patch('/:id')
  @RequiresScope('forms:write')
  @RequiresRight('forms', 'edit')
  @Operation({
    summary: 'Change a lead form',
    tag,
    body: bodySchema.partial(),
    answer: changedSchema,
    refusals: ['not-found', 'version-conflict', 'unknown-reference', 'responsible-inactive'],
  })
  async change(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return changed(reply, await this.core.command('ChangeForm', who, { ...request, targetId: id }));
  }

  private select() {
    return this.database.db.selectFrom('read.forms').select(['id', 'key', 'name', 'enabled', 'settings', 'version']);
  }

  private async find(id: string): Promise<Form> {
    const row = await this.select().where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw new DomainError('not-found');
    return shown(row);
  }
}

/** A form's `secret` is written, never read back. */
function shown({ id, key, name, enabled, settings, version }: FormRow): Form {
  const readable = Object.fromEntries(Object.entries(settings).filter(([field]) => field !== 'secret'));
  return { ...readable, id, key, name, enabled, version };
}
