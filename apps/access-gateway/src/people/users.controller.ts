import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CoreClient } from '../core/core-client.js';
import {
  AsCommand,
  changed,
  changedSchema,
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
import { AccountsOfPeople } from './accounts-of-people.js';
import { People, userSchema, type User } from './people.js';

const tag = 'People and rights';
const newUserSchema = z.object({
  email: z.string(),
  name: z.string(),
  password: z.string().optional(),
  roleIds: z.array(z.uuid()).optional(),
  departmentId: z.uuid().nullable().optional(),
  isAdmin: z.boolean().optional(),
});
const reasonSchema = z.object({ reason: z.string() });
const invitedSchema = z.object({ inviteToken: z.string() });
const madeUserSchema = userSchema.extend({ inviteToken: z.string().optional() });

@Controller('/v1/users')
export class UsersController {
  constructor(
    private readonly people: People,
    private readonly accounts: AccountsOfPeople,
    private readonly core: CoreClient,
  ) {}

  @Get()
  @RequiresScope('users:read')
  @RequiresRight('users', 'view')
  @Operation({ summary: 'People', tag, query: pageQuerySchema, answer: pageSchema(userSchema) })
  async list(@Query() query: unknown): Promise<Page<User>> {
    const page = parsePage(query);
    refuseUnknown(page.rest);
    return this.people.list(page);
  }

  @Post()
  @RequiresScope('users:write')
  @RequiresRight('users', 'edit')
  @Operation({
    summary: 'Make a person; without a password he is invited',
    tag,
    body: newUserSchema,
    status: 201,
    answer: madeUserSchema,
    refusals: ['email-taken', 'grant-exceeds-own', 'password-too-weak', 'unknown-reference'],
  })
  async create(
    @CurrentWho() who: Who,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof madeUserSchema>> {
    const { made, inviteToken } = await this.accounts.create(who, request);
    const user = await this.people.get(made.id);
    return tagged(reply, inviteToken === undefined ? user : { ...user, inviteToken });
  }

  @Get('/:id')
  @RequiresScope('users:read')
  @RequiresRight('users', 'view')
  @Operation({ summary: 'One person', tag, answer: userSchema, refusals: ['not-found'] })
  async get(@Param('id', PathId) id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<User> {
    return tagged(reply, await this.people.get(id));
  }

  @Patch('/:id')
  @RequiresScope('users:write')
  @RequiresRight('users', 'edit')
  @Operation({
    summary: 'Change a person',
    tag,
    body: newUserSchema.partial(),
    answer: changedSchema,
    refusals: [
      'not-found',
      'version-conflict',
      'email-taken',
      'grant-exceeds-own',
      'own-privileges',
      'last-administrator',
      'password-too-weak',
      'unknown-reference',
    ],
  })
  async change(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return changed(reply, await this.accounts.change(who, id, request));
  }

  @Post('/:id/deactivate')
  @HttpCode(200)
  @RequiresScope('users:write')
  @RequiresRight('users', 'edit')
  @Operation({
    summary: 'Cut a person off',
    tag,
    body: reasonSchema,
    answer: changedSchema,
    refusals: ['not-found', 'already-deactivated', 'last-administrator', 'own-privileges', 'grant-exceeds-own'],
  })
  async deactivate(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return changed(reply, await this.core.command('DeactivateUser', who, { ...request, targetId: id }));
  }

  @Post('/:id/reactivate')
  @HttpCode(200)
  @RequiresScope('users:write')
  @RequiresRight('users', 'edit')
  @Operation({
    summary: 'Bring a person back',
    tag,
    body: reasonSchema,
    answer: changedSchema,
    refusals: ['not-found', 'already-active'],
  })
  async reactivate(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return changed(reply, await this.core.command('ReactivateUser', who, { ...request, targetId: id }));
  }

  @Post('/:id/invitation')
  @RequiresScope('users:write')
  @RequiresRight('users', 'edit')
  @Operation({
    summary: 'Invite a person without a password again; the invitation before ends',
    tag,
    status: 201,
    answer: invitedSchema,
    takesNoKey: true,
    refusals: ['not-found', 'already-active', 'already-deactivated', 'grant-exceeds-own', 'own-privileges'],
  })
  async invite(@CurrentWho() who: Who, @Param('id', PathId) id: string): Promise<z.infer<typeof invitedSchema>> {
    return { inviteToken: await this.accounts.inviteAgain(who, id) };
  }

  @Delete('/:id/totp')
  @HttpCode(204)
  @RequiresRight('users', 'edit')
  @Operation({
    summary: 'Remove the second factor of a person who has lost it; ends his sessions',
    tag,
    status: 204,
    refusals: ['not-found', 'grant-exceeds-own', 'own-privileges'],
  })
  async removeSecondFactor(@CurrentWho() who: Who, @Param('id', PathId) id: string): Promise<void> {
    await this.accounts.removeSecondFactor(who, id);
  }
}
