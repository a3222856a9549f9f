import { Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { DomainError } from '#kernel';
import {
  decodeCursor,
  pageOf,
  pageQuerySchema,
  pageSchema,
  parseJson,
  parsePage,
  PathId,
  refuseUnknown,
  Sent,
  validated,
  type Page,
  type SentBody,
} from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { ClientAddress, CurrentWho, Public, WithoutSecondFactor, type Who } from '../requests/request-context.js';
import { NO_SESSION_COOKIE, sessionCookie } from '../requests/session-cookie.js';
import { SessionsOfPeople, type SessionRow } from './sessions.js';
import { SignIn } from './sign-in.js';

const signInSchema = z.strictObject({
  email: z.string().max(320),
  password: z.string().max(1_000),
  totp: z.string().max(100).optional(),
  cookie: z.boolean().default(false),
});
const signedInSchema = z.object({
  /** Absent where the session is in the cookie. */
  token: z.string().optional(),
  expiresAt: z.iso.datetime(),
  user: z.object({ id: z.uuid(), email: z.string(), name: z.string(), isAdmin: z.boolean() }),
});
const sessionSchema = z.object({
  id: z.uuid(),
  current: z.boolean(),
  ip: z.string(),
  createdAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
type Session = z.input<typeof sessionSchema>;

@Controller('/v1/sessions')
export class SessionsController {
  constructor(
    private readonly signIn: SignIn,
    private readonly sessions: SessionsOfPeople,
  ) {}

  @Post()
  @Public()
  @Operation({
    summary: 'Sign in',
    notes:
      'totp: a code of the app or a recovery code, where a second factor is in force. From a refused address send it at once. cookie: the session goes into the cookie __Host-palisade and not into the body.',
    tag: 'Sessions and me',
    body: signInSchema,
    status: 201,
    answer: signedInSchema,
    refusals: ['invalid-credentials', 'totp-required', 'account-deactivated', 'ip-not-allowed', 'too-many-attempts'],
  })
  async create(
    @Sent() sent: SentBody,
    @ClientAddress() ip: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.input<typeof signedInSchema>> {
    // Whatever is no name or password of anybody is a wrong one; nothing of it is stored.
    const { cookie, ...credentials } = validated(parseJson(sent), signInSchema);
    const { token, expiresAt, user } = await this.signIn.signIn(credentials, ip);
    const signedIn = { expiresAt: expiresAt.toISOString(), user };
    if (!cookie) return { token, ...signedIn };
    reply.header('set-cookie', sessionCookie(token));
    return signedIn;
  }

  @Get()
  @WithoutSecondFactor()
  @Operation({
    summary: 'My sessions, newest first',
    tag: 'Sessions and me',
    query: pageQuerySchema,
    answer: pageSchema(sessionSchema),
  })
  async list(@CurrentWho() who: Who, @Query() query: unknown): Promise<Page<Session>> {
    const { limit, cursor, rest } = parsePage(query);
    refuseUnknown(rest);
    const after = cursor === null ? null : decodeCursor(cursor, z.uuid());
    const rows = await this.sessions.list(who.caller.userId, { limit: limit + 1, after });
    return pageOf(
      rows,
      limit,
      (row) => shown(row, who.sessionId),
      (row) => row.id,
    );
  }

  @Delete('/current')
  @HttpCode(204)
  @WithoutSecondFactor()
  @Operation({ summary: 'Sign out', tag: 'Sessions and me', status: 204 })
  async endCurrent(@CurrentWho() who: Who, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    if (who.sessionId === null) throw new DomainError('not-found');
    await this.sessions.end(who.sessionId, { userId: who.caller.userId, ip: who.ip, reason: 'signed-out' });
    if (who.byCookie) reply.header('set-cookie', NO_SESSION_COOKIE);
  }

  @Delete('/:id')
  @HttpCode(204)
  @WithoutSecondFactor()
  @Operation({ summary: 'End one of my sessions', tag: 'Sessions and me', status: 204, refusals: ['not-found'] })
  async end(
    @Param('id', PathId) id: string,
    @CurrentWho() who: Who,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const ended = await this.sessions.end(id, { userId: who.caller.userId, ip: who.ip, reason: 'ended-by-owner' });
    if (!ended) throw new DomainError('not-found');
    if (who.byCookie && id === who.sessionId) reply.header('set-cookie', NO_SESSION_COOKIE);
  }
}

function shown(row: SessionRow, currentId: string | null): Session {
  const { id, ip, createdAt, lastSeenAt, expiresAt } = row;
  return {
    id,
    current: id === currentId,
    ip,
    createdAt: createdAt.toISOString(),
    lastSeenAt: lastSeenAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
}
