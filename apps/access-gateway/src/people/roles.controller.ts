import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
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

const tag = 'People and rights';
const grantsSchema = z.record(z.string(), z.record(z.string(), z.enum(['forbidden', 'responsible', 'group', 'allowed'])));
const bodySchema = z.object({
  name: z.string(),
  extends: z.uuid().nullable().optional(),
  grants: grantsSchema,
  requireSecondFactor: z.boolean().optional(),
});
const roleSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  extends: z.uuid().nullable(),
  grants: z.record(z.string(), z.record(z.string(), z.string())),
  requireSecondFactor: z.boolean(),
  version: z.int(),
});
type Role = z.infer<typeof roleSchema>;

@Controller('/v1/roles')
export class RolesController {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
  ) {}

  @Get()
  @RequiresScope('users:read')
  @RequiresRight('roles', 'view')
  @Operation({ summary: 'Roles', tag, query: pageQuerySchema, answer: pageSchema(roleSchema) })
  async list(@Query() query: unknown): Promise<Page<Role>> {
    const page = parsePage(query);
    refuseUnknown(page.rest);
    const after = page.cursor === null ? null : decodeCursor(page.cursor, z.uuid());
    const rows = await this.select()
      .$if(after !== null, (select) => select.where('id', '>', after as string))
      .orderBy('id')
      .limit(page.limit + 1)
      .execute();
    return pageOf(
      rows,
      page.limit,
      (row) => row,
      (row) => row.id,
    );
  }

  @Post()
  @RequiresScope('users:write')
  @RequiresRight('roles', 'edit')
  @Operation({
    summary: 'Make a role',
    tag,
    body: bodySchema,
    status: 201,
    answer: roleSchema,
    refusals: ['unknown-reference', 'already-exists', 'level-not-applicable', 'grant-exceeds-own'],
  })
  async create(
    @CurrentWho() who: Who,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Role> {
    const made = await this.core.command('CreateRole', who, request);
    return tagged(reply, await this.find(made.id));
  }

  @Get('/:id')
  @RequiresScope('users:read')
  @RequiresRight('roles', 'view')
  @Operation({ summary: 'One role', tag, answer: roleSchema, refusals: ['not-found'] })
  async get(@Param('id', PathId) id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Role> {
    return tagged(reply, await this.find(id));
  }

  @Patch('/:id')
  @RequiresScope('users:write')
  @RequiresRight('roles', 'edit')
  @Operation({
    summary: 'Change a role',
    tag,
    body: bodySchema.partial(),
    answer: changedSchema,
    refusals: [
      'not-found',
      'version-conflict',
      'unknown-reference',
      'level-not-applicable',
      'grant-exceeds-own',
      'own-privileges',
    ],
  })
  async change(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return changed(reply, await this.core.command('ChangeRole', who, { ...request, targetId: id }));
  }

  @Delete('/:id')
  @HttpCode(204)
  @RequiresScope('users:write')
  @RequiresRight('roles', 'edit')
  @Operation({
    summary: 'Remove a role that is given to nobody, extended by none and named in no limit',
    tag,
    status: 204,
    refusals: ['not-found', 'version-conflict', 'in-use', 'grant-exceeds-own'],
  })
  async remove(@CurrentWho() who: Who, @Param('id', PathId) id: string, @AsCommand() request: CommandRequest): Promise<void> {
    await this.core.command('DeleteRole', who, { ...request, targetId: id });
  }

  private select() {
    return this.database.db
      .selectFrom('read.roles')
      .select(['id', 'name', 'extends_id as extends', 'grants', 'require_second_factor as requireSecondFactor', 'version']);
  }

  private async find(id: string): Promise<Role> {
    const row = await this.select().where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw new DomainError('not-found');
    return row;
  }
}
