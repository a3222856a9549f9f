import { Controller, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { z } from 'zod';
import { changedSchema, readJson, Sent, type Changed, type SentBody } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { People } from '../people/people.js';
import {
  AnyScope,
  ClientAddress,
  CurrentWho,
  Public,
  RequestId,
  WithoutSecondFactor,
  type Who,
} from '../requests/request-context.js';
import { Passwords } from './passwords.js';

const passwordChangeSchema = z.strictObject({ currentPassword: z.string().max(1_000), newPassword: z.string().max(1_000) });
const invitationSchema = z.strictObject({ password: z.string().max(1_000) });
const namedSchema = z.object({ id: z.uuid(), name: z.string() });
const meSchema = z.object({
  user: z.object({ id: z.uuid(), email: z.string(), name: z.string(), isAdmin: z.boolean() }),
  roles: z.array(namedSchema),
  department: namedSchema.nullable(),
  rights: z.record(z.string(), z.record(z.string(), z.enum(['forbidden', 'responsible', 'group', 'allowed']))),
});

@Controller('/v1')
export class MeController {
  constructor(
    private readonly passwords: Passwords,
    private readonly people: People,
  ) {}

  @Get('/me')
  @AnyScope()
  @WithoutSecondFactor()
  @Operation({ summary: 'Who I am and what I may do', tag: 'Sessions and me', answer: meSchema })
  async me(@CurrentWho() who: Who): Promise<z.input<typeof meSchema>> {
    const { userId: id, email, name, isAdmin, roles, roleIds, departmentId } = who.authorization;
    return {
      user: { id, email, name, isAdmin },
      roles: roles.filter((role) => roleIds.includes(role.id)).map((role) => ({ id: role.id, name: role.name })),
      department: departmentId === null ? null : await this.people.departmentName(departmentId),
      rights: who.principal.rights.toJSON(),
    };
  }

  @Put('/me/password')
  @HttpCode(204)
  @Operation({
    summary: 'Change my password; ends my other sessions',
    tag: 'Sessions and me',
    body: passwordChangeSchema,
    status: 204,
    refusals: ['invalid-credentials', 'password-too-weak', 'too-many-attempts'],
  })
  async changePassword(@CurrentWho() who: Who, @Sent() sent: SentBody): Promise<void> {
    const { currentPassword, newPassword } = readJson(sent, passwordChangeSchema);
    await this.passwords.change(who, currentPassword, newPassword);
  }

  @Post('/invitations/:token')
  @HttpCode(200)
  @Public()
  @Operation({
    summary: 'Take an invitation up with a first password',
    tag: 'Sessions and me',
    body: invitationSchema,
    answer: changedSchema,
    refusals: ['not-found', 'ip-not-allowed', 'password-too-weak'],
  })
  async acceptInvitation(
    @Param('token') token: string,
    @Sent() sent: SentBody,
    @ClientAddress() ip: string,
    @RequestId() requestId: string,
  ): Promise<Changed> {
    const { password } = readJson(sent, invitationSchema);
    const id = await this.passwords.acceptInvitation(token, password, { ip, requestId });
    return { id, version: await this.people.versionOf(id) };
  }
}
