import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
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
const bodySchema = z.object({ name: z.string(), parentId: z.uuid().nullable().optional() });
const rolesSchema = z.object({ roleIds: z.array(z.uuid()).max(100) });
const departmentSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  parentId: z.uuid().nullable(),
  roleIds: z.array(z.uuid()),
  version: z.int(),
});
type Department = z.infer<typeof departmentSchema>;

@Controller('/v1/departments')
export class DepartmentsController {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
  ) {}

  @Get()
  @RequiresScope('users:read')
  @RequiresRight('departments', 'view')
  @Operation({ summary: 'Departments', tag, query: pageQuerySchema, answer: pageSchema(departmentSchema) })
  async list(@Query() query: unknown): Promise<Page<Department>> {
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
  @RequiresRight('departments', 'edit')
  @Operation({
    summary: 'Make a department',
    tag,
    body: bodySchema,
    status: 201,
    answer: departmentSchema,
    refusals: ['unknown-reference', 'already-exists'],
  })
  async create(
    @CurrentWho() who: Who,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Department> {
    const made = await this.core.command('CreateDepartment', who, request);
    return tagged(reply, await this.find(made.id));
  }

  @Get('/:id')
  @RequiresScope('users:read')
  @RequiresRight('departments', 'view')
  @Operation({ summary: 'One department', tag, answer: departmentSchema, refusals: ['not-found'] })
  async get(@Param('id', PathId) id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Department> {
    return tagged(reply, await this.find(id));
  }

  @Patch('/:id')
  @RequiresScope('users:write')
  @RequiresRight('departments', 'edit')
  @Operation({
    summary: 'Change a department',
    tag,
    body: bodySchema.partial(),
    answer: changedSchema,
    refusals: ['not-found', 'version-conflict', 'unknown-reference', 'grant-exceeds-own', 'own-privileges'],
  })
  async change(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return changed(reply, await this.core.command('ChangeDepartment', who, { ...request, targetId: id }));
  }

  @Put('/:id/roles')
  @RequiresScope('users:write')
  @RequiresRight('departments', 'edit')
  @Operation({
    summary: 'Give a department its roles: its people, and those of the departments below it, hold them',
    tag,
    body: rolesSchema,
    answer: changedSchema,
    refusals: ['not-found', 'version-conflict', 'unknown-reference', 'grant-exceeds-own', 'own-privileges'],
  })
  async changeRoles(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return changed(reply, await this.core.command('ChangeDepartmentRoles', who, { ...request, targetId: id }));
  }

  @Delete('/:id')
  @HttpCode(204)
  @RequiresScope('users:write')
  @RequiresRight('departments', 'edit')
  @Operation({
    summary: 'Remove a department that nobody is in, nothing lies below and no form names',
    tag,
    status: 204,
    refusals: ['not-found', 'version-conflict', 'in-use'],
  })
  async remove(@CurrentWho() who: Who, @Param('id', PathId) id: string, @AsCommand() request: CommandRequest): Promise<void> {
    await this.core.command('DeleteDepartment', who, { ...request, targetId: id });
  }

  private select() {
    return this.database.db
      .selectFrom('read.departments')
      .select(['id', 'name', 'parent_id as parentId', 'role_ids as roleIds', 'version']);
  }

  private async find(id: string): Promise<Department> {
    const row = await this.select().where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw new DomainError('not-found');
    return row;
  }
}
