import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DomainError, refuse } from '#kernel';
import { mayAtAll } from '#policy';
import { AsCommand, PathId, readJson, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { byPresentRights } from '../records/gate.js';
import { parseListRequest, type ListRequest } from '../records/list-request.js';
import { COMPANIES, CONTACTS, DEALS, type RecordKind } from '../records/record-kind.js';
import { Authentication } from '../requests/authentication.js';
import { AnyScope, CurrentWho, type Who } from '../requests/request-context.js';
import { MEDIA_TYPES } from './export-file.js';
import { ExportSender, requireExport } from './export-sender.js';
import { ExportStore, type ExportStanding } from './export-store.js';
import { ExportWorker } from './export-worker.js';

const tag = 'Exports';
const KINDS: Readonly<Record<RecordKind['route'], RecordKind>> = { contacts: CONTACTS, companies: COMPANIES, deals: DEALS };
const bodySchema = z.strictObject({
  type: z.enum(['contacts', 'companies', 'deals']),
  filter: z
    .object({ deleted: z.union([z.boolean(), z.string()]).optional() })
    .catchall(z.string().max(1_000))
    .default({}),
  format: z.enum(['csv', 'xlsx']),
});
const startedSchema = z.object({ exportId: z.uuid() });
const exportSchema = startedSchema.extend({
  state: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
  rows: z.int(),
  done: z.int(),
});
/** An export is one whole: pages and counts are of lists. */
const OF_LISTS = ['limit', 'cursor', 'count'] as const;

/** The filter of an export is that of a list; JSON has its own true and false. Throws as `parseListRequest`. */
function filterOf(kind: RecordKind, filter: z.output<typeof bodySchema>['filter'], region: string): ListRequest {
  if (OF_LISTS.some((name) => Object.hasOwn(filter, name))) throw new DomainError('unknown-filter');
  return parseListRequest(kind, Object.fromEntries(Object.entries(filter).map(([name, value]) => [name, String(value)])), region);
}

@Controller('/v1/exports')
export class ExportsController {
  constructor(
    private readonly store: ExportStore,
    private readonly worker: ExportWorker,
    private readonly sender: ExportSender,
    private readonly authentication: Authentication,
  ) {}

  @Post()
  @HttpCode(202)
  @AnyScope()
  @Operation({
    summary: 'Export rows as a file: counted before there is one, and refused whole when they would exceed a limit',
    notes:
      'The filter takes what the query of the list takes, but limit, cursor and count. A token needs the scope to read the type.',
    tag,
    body: bodySchema,
    status: 202,
    answer: startedSchema,
    refusals: ['view-limit-reached', 'unknown-filter', 'unknown-sort', 'export-too-large', 'capacity-reached', 'scope-missing'],
  })
  async create(
    @CurrentWho() who: Who,
    @AsCommand() request: CommandRequest,
    @Req() { routeOptions }: FastifyRequest,
  ): Promise<z.infer<typeof startedSchema>> {
    // Who may export nothing at all is told so before his body is looked at.
    if (!Object.values(KINDS).some(({ type }) => mayAtAll(who.principal, type, 'export'))) refuse('forbidden');
    const { type, filter, format } = readJson({ bytes: request.rawBody, mediaType: request.mediaType }, bodySchema);
    const kind = KINDS[type];
    requireExport(who, kind);
    const list = filterOf(kind, filter, who.authorization.settings.defaultRegion);
    const text = JSON.stringify([type, format, Object.entries(filter).sort()]);
    const recheck = async (asked: Who): Promise<Who> => {
      const present = await this.authentication.recheck(asked, routeOptions.config.rules ?? {});
      requireExport(present, kind);
      return present;
    };
    const exportId = await byPresentRights(who, recheck, (present) =>
      this.store.request(present, { kind, list, format, text, idempotencyKey: request.idempotencyKey }),
    );
    this.worker.wake();
    return { exportId };
  }

  @Get('/:id')
  @AnyScope()
  @Operation({ summary: 'How far an export of mine is', tag, answer: exportSchema, refusals: ['not-found'] })
  get(@CurrentWho() who: Who, @Param('id', PathId) id: string): Promise<ExportStanding> {
    return this.store.standing(who, id);
  }

  @Get('/:id/file')
  @AnyScope()
  @Operation({
    summary: 'The file, for its owner alone and within an hour of its making',
    tag,
    answer: z.string(),
    mediaType: MEDIA_TYPES.csv,
    otherMediaTypes: [MEDIA_TYPES.xlsx],
    refusals: ['not-found', 'export-not-ready', 'scope-missing'],
  })
  async file(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @Req() { routeOptions }: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { name, format, bytes } = await this.sender.open(who, routeOptions.config.rules ?? {}, id);
    reply.header('content-type', MEDIA_TYPES[format]).header('content-disposition', `attachment; filename="${name}"`);
    await reply.send(bytes);
  }
}
