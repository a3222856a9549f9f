import { Controller, Delete, Get, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { DomainError } from '#kernel';
import { RECORD_TYPES } from '#policy';
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
import { AnyScope, CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';

const tag = 'Custom fields';
const bodySchema = z.object({
  recordType: z.enum(RECORD_TYPES),
  name: z.string().min(1).max(100),
  type: z.enum(['text', 'number', 'date', 'boolean', 'choice', 'phone']),
  choices: z.array(z.string().min(1).max(100)).min(1).max(100).optional(),
});
const fieldSchema = bodySchema.extend({ id: z.uuid(), version: z.int() });
type CustomField = z.infer<typeof fieldSchema>;
interface FieldRow extends Omit<CustomField, 'choices'> {
  readonly choices: string[] | null;
}

/** Fields of a company's own making. Everybody signed in may read them: without them nobody could draw or fill a card. */
@Controller('/v1/custom-fields')
export class CustomFieldsController {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
  ) {}

  @Get()
  @AnyScope()
  @Operation({ summary: 'Fields beyond the built-in ones', tag, query: pageQuerySchema, answer: pageSchema(fieldSchema) })
  async list(@Query() query: unknown): Promise<Page<CustomField>> {
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
  @RequiresScope('settings:write')
  @RequiresRight('settings', 'edit')
  @Operation({
    summary: 'Define a field; choices for the type choice only',
    tag,
    body: bodySchema,
    status: 201,
    answer: fieldSchema,
    refusals: ['already-exists', 'capacity-reached'],
  })
  async define(
    @CurrentWho() who: Who,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CustomField> {
    const made = await this.core.command('DefineCustomField', who, request);
    const row = await this.select().where('id', '=', made.id).executeTakeFirst();
    // A repeat of a request whose field was deleted meanwhile.
    if (row === undefined) throw new DomainError('not-found');
    return tagged(reply, shown(row));
  }

  @Delete('/:id')
  @RequiresScope('settings:write')
  @RequiresRight('settings', 'edit')
  @Operation({
    summary: 'Delete a field; its values are not shown any more',
    tag,
    answer: changedSchema,
    refusals: ['not-found', 'version-conflict'],
  })
  async delete(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return changed(reply, await this.core.command('DeleteCustomField', who, { ...request, targetId: id }));
  }

  private select() {
    return this.database.db
      .selectFrom('read.custom_fields')
      .select(['id', 'record_type as recordType', 'name', 'type', 'choices', 'version']);
  }
}

function shown({ choices, ...field }: FieldRow): CustomField {
  return choices === null ? field : { ...field, choices };
}
