import { Controller, Delete, Get, Param, Patch, Post, Query, Req, Res, type Type } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isInstant, refuse, refuseField } from '#kernel';
import type { CommandName, HistoryItem } from '#contracts';
import { CoreClient } from '../core/core-client.js';
import {
  AsCommand,
  changed,
  changedSchema,
  decodeCursor,
  encodeCursor,
  etagOf,
  pageQuerySchema,
  pageSchema,
  parsePage,
  PathId,
  refuseUnknown,
  type Changed,
  type CommandRequest,
  type Page,
} from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, OpensCard, RequiresRight, RequiresScope, ServedByGate, type Who } from '../requests/request-context.js';
import { Authentication } from '../requests/authentication.js';
import { byPresentRights } from './gate.js';
import { recordBodies } from './record-bodies.js';
import { COMPANIES, CONTACTS, DEALS, type RecordKind } from './record-kind.js';
import { parseListRequest } from './list-request.js';
import { requireRealRequest } from './real-request.js';
import { Records, type ListPage } from './records.js';
import { cardSchemas, rowSchemas } from './shown-records.js';

const listQuery = pageQuerySchema.extend({
  q: z.string().max(200).optional(),
  sort: z.string().optional(),
  responsibleId: z.uuid().optional(),
  departmentId: z.uuid().optional(),
  createdFrom: z.iso.datetime().optional(),
  createdTo: z.iso.datetime().optional(),
  deleted: z.boolean().optional(),
  count: z.boolean().optional(),
});
const dealQuery = {
  contactId: z.uuid().optional(),
  stageId: z.uuid().optional(),
  'attribution[utm_source]': z
    .string()
    .optional()
    .describe('Any key of attribution; a filter for those who may see attribution, unknown-filter for others'),
};
const assignBody = z.object({ responsibleId: z.uuid().nullable() });
const CHANGE_REFUSALS = ['not-found', 'erased', 'version-conflict'];
const OPENING_REFUSALS = ['not-found', 'erased', 'view-limit-reached', 'prefetch-refused', 'validation-failed'];
/** Versions are integers of the database. */
const MOST_VERSIONS = 2_147_483_647;
const historyItemSchema = z.object({
  id: z.uuid(),
  version: z.int(),
  at: z.iso.datetime(),
  actorId: z.uuid().nullable(),
  ip: z.string().nullable(),
  type: z.string(),
  changes: z.array(z.object({ field: z.string(), from: z.unknown(), to: z.unknown() })),
  rewindId: z.uuid().optional(),
});

/** The moment that `?at=` names, null without it. What else is asked is not known here: refused, not ignored. */
function momentOf({ at, ...rest }: Readonly<Record<string, unknown>>): string | null {
  if (Object.keys(rest).length > 0) return refuse('unknown-filter');
  if (at === undefined) return null;
  return typeof at === 'string' && isInstant(at)
    ? at
    : refuseField('validation-failed', 'at', 'Give a time as ISO 8601 with its zone.');
}

/** The routes that contacts, companies and deals share, in one shape. */
function recordController(kind: RecordKind): Type {
  const { type, route: tag, readScope, writeScope } = kind;
  const command = (verb: string): CommandName => `${verb}${kind.commandNoun}` as CommandName;
  const query =
    kind.type === 'company'
      ? listQuery
      : listQuery.extend({ companyId: z.uuid().optional(), ...(type === 'deal' ? dealQuery : {}) });

  @Controller(`/v1/${kind.route}`)
  class RecordController {
    constructor(
      readonly records: Records,
      readonly core: CoreClient,
      readonly authentication: Authentication,
    ) {}

    @Get()
    @RequiresScope(readScope)
    @RequiresRight(type, 'view')
    @ServedByGate()
    @Operation({
      summary: `Rows of ${tag} one may see`,
      tag,
      query,
      answer: pageSchema(rowSchemas[type]).extend({ count: z.int().optional() }),
      refusals: ['unknown-filter', 'unknown-sort', 'invalid-cursor', 'view-limit-reached'],
    })
    list(@CurrentWho() who: Who, @Query() sent: unknown, @Req() request: FastifyRequest): Promise<ListPage> {
      requireRealRequest(request);
      const asked = parseListRequest(kind, sent, who.authorization.settings.defaultRegion);
      return byPresentRights(who, this.recheck(request), (present) => this.records.list(kind, present, asked));
    }

    @Post()
    @RequiresScope(writeScope)
    @RequiresRight(type, 'create')
    @Operation({
      summary: `Make a ${type}`,
      tag,
      body: recordBodies[type],
      status: 201,
      answer: cardSchemas[type],
      refusals: [
        'invalid-phone',
        'invalid-email',
        'masked-value',
        'unknown-reference',
        'responsible-inactive',
        'not-found',
        'view-limit-reached',
      ],
    })
    async create(
      @CurrentWho() who: Who,
      @AsCommand() request: CommandRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Record<string, unknown>> {
      const made = await this.core.command(command('Create'), who, request);
      reply.header('location', `/v1/${kind.route}/${made.id}`);
      const card = await this.records.made(kind, who, made);
      reply.header('etag', etagOf(card.version));
      return card.body;
    }

    @Get('/:id')
    @RequiresScope(readScope)
    @RequiresRight(type, 'view')
    @ServedByGate()
    @OpensCard(type)
    @Operation({
      summary: `Open the card of a ${type}, as it is or as it was: recorded and counted`,
      tag,
      query: z.object({ at: z.iso.datetime({ offset: true }).optional() }),
      answer: cardSchemas[type],
      refusals: OPENING_REFUSALS,
    })
    async open(
      @CurrentWho() who: Who,
      @Param('id', PathId) id: string,
      @Query() sent: Readonly<Record<string, unknown>>,
      @Req() request: FastifyRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Record<string, unknown>> {
      requireRealRequest(request);
      const at = momentOf(sent);
      const card = await byPresentRights(who, this.recheck(request), (present) =>
        at === null ? this.records.open(kind, present, id) : this.records.openAt(kind, present, id, at),
      );
      reply.header('etag', etagOf(card.version));
      return card.body;
    }

    @Get('/:id/history')
    @RequiresScope(readScope)
    @RequiresRight(type, 'view')
    @ServedByGate()
    @Operation({
      summary: `What happened to a ${type}, newest first: counts as an opening`,
      tag,
      query: pageQuerySchema,
      answer: pageSchema(historyItemSchema),
      refusals: [...OPENING_REFUSALS, 'invalid-cursor'],
    })
    async history(
      @CurrentWho() who: Who,
      @Param('id', PathId) id: string,
      @Query() sent: unknown,
      @Req() request: FastifyRequest,
    ): Promise<Page<HistoryItem>> {
      requireRealRequest(request);
      const { limit, cursor, rest } = parsePage(sent);
      refuseUnknown(rest);
      const before = cursor === null ? null : decodeCursor(cursor, z.int().min(1).max(MOST_VERSIONS));
      const { items, nextBefore } = await byPresentRights(who, this.recheck(request), (present) =>
        this.records.history(kind, present, id, { limit, before }),
      );
      return { items: [...items], nextCursor: nextBefore === null ? null : encodeCursor(nextBefore) };
    }

    @Patch('/:id')
    @RequiresScope(writeScope)
    @Operation({
      summary: `Change a ${type}`,
      tag,
      body: recordBodies[type].partial(),
      answer: changedSchema,
      refusals: [
        ...CHANGE_REFUSALS,
        'invalid-phone',
        'invalid-email',
        'masked-value',
        'unknown-reference',
        'responsible-inactive',
        'view-limit-reached',
      ],
    })
    change(
      @CurrentWho() who: Who,
      @Param('id', PathId) id: string,
      @AsCommand() request: CommandRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Changed> {
      return this.act('Change', who, id, request, reply);
    }

    @Delete('/:id')
    @RequiresScope(writeScope)
    @Operation({ summary: `Hide a ${type}`, tag, answer: changedSchema, refusals: [...CHANGE_REFUSALS, 'view-limit-reached'] })
    delete(
      @CurrentWho() who: Who,
      @Param('id', PathId) id: string,
      @AsCommand() request: CommandRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Changed> {
      return this.act('Delete', who, id, request, reply);
    }

    @Post('/:id/restore')
    @RequiresScope(writeScope)
    @Operation({ summary: `Bring a ${type} back`, tag, answer: changedSchema, refusals: [...CHANGE_REFUSALS, 'not-deleted'] })
    restore(
      @CurrentWho() who: Who,
      @Param('id', PathId) id: string,
      @AsCommand() request: CommandRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Changed> {
      return this.act('Restore', who, id, request, reply);
    }

    @Post('/:id/assign')
    @RequiresScope(writeScope)
    @Operation({
      summary: `Give a ${type} to another person`,
      tag,
      body: assignBody,
      answer: changedSchema,
      refusals: [...CHANGE_REFUSALS, 'responsible-inactive', 'view-limit-reached'],
    })
    assign(
      @CurrentWho() who: Who,
      @Param('id', PathId) id: string,
      @AsCommand() request: CommandRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Changed> {
      return this.act('Assign', who, id, request, reply);
    }

    recheck(request: FastifyRequest): (who: Who) => Promise<Who> {
      return (who) => this.authentication.recheck(who, request.routeOptions.config.rules ?? {});
    }

    /** Acts answer 200 with id and version, never the card: reading is opening. */
    async act(verb: string, who: Who, id: string, request: CommandRequest, reply: FastifyReply): Promise<Changed> {
      reply.status(200);
      return changed(reply, await this.core.command(command(verb), who, { ...request, targetId: id }));
    }
  }
  return RecordController;
}

export const ContactsController = recordController(CONTACTS);
export const CompaniesController = recordController(COMPANIES);
export const DealsController = recordController(DEALS);
