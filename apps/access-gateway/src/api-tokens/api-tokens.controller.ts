import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { DomainError, isInstant } from '#kernel';
import { maskText } from '#privacy';
import {
  AsCommand,
  decodeCursor,
  pageOf,
  pageQuerySchema,
  pageSchema,
  parsePage,
  PathId,
  readJson,
  refuseUnknown,
  type CommandRequest,
  type Page,
} from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, type Who } from '../requests/request-context.js';
import { SCOPES } from '../requests/scopes.js';
import { ApiTokens, type ApiToken } from './api-tokens.js';

const tag = 'API tokens';
/** No control characters: PostgreSQL keeps no NUL in a text. */
const NAME = /^[^\p{Cc}]+$/u;
const bodySchema = z.strictObject({
  name: z.string().trim().min(1).max(200).regex(NAME),
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .max(SCOPES.length)
    .transform((scopes) => [...new Set(scopes)])
    .describe('What the token may be used for; each route names its scope'),
  expiresAt: z.iso
    .datetime({ offset: true })
    .refine(isInstant)
    .nullable()
    .default(null)
    .describe('In the future; null: it ends with its owner'),
  cidrs: z
    .array(z.string().max(64))
    .max(100)
    .default([])
    .describe(
      'Addresses and CIDRs it is taken from, beside the allow-list of the settings; none: from anywhere that the list allows',
    ),
});
const tokenSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  scopes: z.array(z.string()),
  cidrs: z.array(z.string()),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
});
const madeTokenSchema = tokenSchema.extend({ token: z.string().optional() });

@Controller('/v1/api-tokens')
export class ApiTokensController {
  constructor(private readonly tokens: ApiTokens) {}

  @Get()
  @Operation({ summary: 'My API tokens', tag, query: pageQuerySchema, answer: pageSchema(tokenSchema) })
  async list(@CurrentWho() who: Who, @Query() query: unknown): Promise<Page<z.infer<typeof tokenSchema>>> {
    const page = parsePage(query);
    refuseUnknown(page.rest);
    const after = page.cursor === null ? null : decodeCursor(page.cursor, z.uuid());
    const rows = await this.tokens.list(who.caller.userId, after, page.limit + 1);
    return pageOf(rows, page.limit, shown, (row) => row.id);
  }

  @Post()
  @RequiresRight('apiTokens', 'create')
  @Operation({
    summary: 'Make an API token; it is shown this once',
    tag,
    body: bodySchema,
    status: 201,
    answer: madeTokenSchema,
    refusals: ['invalid-cidr'],
  })
  async create(@CurrentWho() who: Who, @AsCommand() request: CommandRequest): Promise<z.infer<typeof madeTokenSchema>> {
    const body = readJson({ bytes: request.rawBody, mediaType: request.mediaType }, bodySchema);
    // As every text that is kept unsealed: numbers in it are masked for good.
    const name = maskText(body.name.normalize('NFC'), who.authorization.settings.defaultRegion);
    const { row, token } = await this.tokens.create(who, { ...body, name }, request.idempotencyKey);
    return token === undefined ? shown(row) : { ...shown(row), token };
  }

  @Delete('/:id')
  @HttpCode(204)
  @Operation({ summary: 'End one of my API tokens', tag, status: 204, refusals: ['not-found'] })
  async end(@Param('id', PathId) id: string, @CurrentWho() who: Who): Promise<void> {
    if (!(await this.tokens.end(who, id))) throw new DomainError('not-found');
  }
}

function shown(row: ApiToken): z.infer<typeof tokenSchema> {
  const { id, name, scopes, cidrs, createdAt, expiresAt } = row;
  return { id, name, scopes, cidrs, createdAt: createdAt.toISOString(), expiresAt: expiresAt?.toISOString() ?? null };
}
