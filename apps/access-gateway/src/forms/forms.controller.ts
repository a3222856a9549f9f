import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { FORM_FORMATS } from '#contracts';
import { DomainError } from '#kernel';
import { commandIdOf, CoreClient } from '../core/core-client.js';
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
import { MadeSecrets } from './made-secrets.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';

const tag = 'Lead forms';
const bodySchema = z.object({
  name: z.string(),
  enabled: z.boolean().optional(),
  allowedOrigins: z.array(z.string()).optional(),
  pipelineId: z.uuid().nullable().optional(),
  stageId: z.uuid().nullable().optional(),
  titleTemplate: z.string().optional(),
  assign: z.union([z.object({ userId: z.uuid() }), z.object({ departmentId: z.uuid() }), z.null()]).optional(),
  requireConsent: z.boolean().optional(),
  requireSignature: z.boolean().optional(),
  secret: z.string().optional(),
  quarantine: z.boolean().optional(),
  quarantineAfter: z.int().min(0).nullable().optional(),
  successUrl: z.string().nullable().optional(),
  format: z.enum(FORM_FORMATS).optional(),
});
const formSchema = bodySchema.omit({ secret: true }).required().extend({ id: z.uuid(), key: z.string(), version: z.int() });
/** With the secret that was made because signatures were asked for and none was given: shown this once. */
const madeSchema = formSchema.extend({ secret: z.string().optional() });
const keySchema = changedSchema.extend({ key: z.string() });
type Form = z.infer<typeof formSchema>;
type Made = z.infer<typeof madeSchema>;
type RotatedKey = z.infer<typeof keySchema>;

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
    private readonly secrets: MadeSecrets,
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
    summary: 'Make a lead form; a secret that is made with it is shown this once',
    tag,
    body: bodySchema,
    status: 201,
    answer: madeSchema,
    refusals: ['unknown-reference', 'responsible-inactive'],
  })
  async create(
    @CurrentWho() who: Who,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Made> {
    const commandId = commandIdOf('CreateForm', who.caller.userId, request);
    const made = await this.core.command('CreateForm', who, { ...request, commandId });
    const form = tagged(reply, await this.find(made.id));
    const secret = form.requireSignature ? await this.madeSecret(made.id, commandId, who) : undefined;
    return secret === undefined ? form : { ...form, secret };
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

  @Post('/:id/rotate-key')
  @HttpCode(200)
  @RequiresScope('forms:write')
  @RequiresRight('forms', 'edit')
  @Operation({
    summary: 'Give a lead form another key; the one before is dead at once',
    tag,
    answer: keySchema,
    refusals: ['not-found', 'version-conflict'],
  })
  async rotateKey(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RotatedKey> {
    const rotated = await this.core.command('RotateFormKey', who, { ...request, targetId: id });
    const { key } = await this.find(id);
    return { ...changed(reply, rotated), key };
  }

  @Delete('/:id')
  @HttpCode(204)
  @RequiresScope('forms:write')
  @RequiresRight('forms', 'edit')
  @Operation({
    summary: 'Delete a lead form; leads that were taken before still come',
    tag,
    status: 204,
    refusals: ['not-found', 'version-conflict'],
  })
  async remove(@CurrentWho() who: Who, @Param('id', PathId) id: string, @AsCommand() request: CommandRequest): Promise<void> {
    await this.core.command('DeleteForm', who, { ...request, targetId: id });
  }

  /** None where the client gave its own, or asks again much later. */
  private async madeSecret(id: string, commandId: string, who: Who): Promise<string | undefined> {
    try {
      return await this.secrets.of(id, commandId, who);
    } catch (error) {
      if (error instanceof DomainError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  private select() {
    return this.database.db
      .selectFrom('read.forms')
      .select(['id', 'key', 'name', 'enabled', 'settings', 'version'])
      .where('deleted', '=', false);
  }

  private async find(id: string): Promise<Form> {
    const row = await this.select().where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw new DomainError('not-found');
    return shown(row);
  }
}

/** What a form says of itself; its secret stands in no read model. */
function shown({ id, key, name, enabled, settings, version }: FormRow): Form {
  return { ...settings, id, key, name, enabled, version } as Form;
}
