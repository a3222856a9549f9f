import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuditTrail } from '../accounts/audit-trail.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { fileStream, MEDIA_TYPES } from '../exports/export-file.js';
import { pageQuerySchema, parsePage, refuseUnknown, type PageRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { Authentication } from '../requests/authentication.js';
import { OpenStreams } from '../requests/open-streams.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import type { RouteRules } from '../requests/route-rules.js';
import { exposureFile, type ExposureFilter } from './exposure-rows.js';
import { idOf, invalid, periodOf } from './filters.js';
import { MonitorClient } from './monitor-client.js';

const SUBJECTS = ['contactId', 'companyId', 'dealId'] as const;
/** A period of everybody is so long at most: all of its rows are counted. */
const LONGEST_PERIOD_DAYS = 31;
const DAY_MS = 86_400_000;

const exposureSchema = z.object({
  items: z.array(
    z.object({
      at: z.iso.datetime(),
      userId: z.uuid(),
      subjectType: z.enum(['contact', 'company', 'deal']),
      subjectId: z.uuid(),
      kind: z.string(),
      masked: z.boolean(),
      ip: z.string().nullable(),
      sessionId: z.uuid().nullable(),
      tokenId: z.uuid().nullable(),
    }),
  ),
  distinctSubjects: z.int(),
  distinctUsers: z.int(),
  nextCursor: z.string().nullable(),
});
type ExposurePage = z.infer<typeof exposureSchema>;
const exposureQuery = pageQuerySchema.extend({
  userId: z.uuid().optional(),
  contactId: z.uuid().optional(),
  companyId: z.uuid().optional(),
  dealId: z.uuid().optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  format: z.enum(['json', 'csv']).optional(),
});

@Controller('/v1/exposure')
export class ExposureController {
  constructor(
    private readonly monitor: MonitorClient,
    private readonly audit: AuditTrail,
    private readonly database: GatewayDatabase,
    private readonly authentication: Authentication,
    private readonly openStreams: OpenStreams,
  ) {}

  /** Written to the audit trail before it is answered: what cannot be recorded is not shown. */
  @Get()
  @RequiresScope('monitoring:read')
  @RequiresRight('exposure', 'view')
  @Operation({
    summary: 'The ledger: whose data a person was shown, or who was shown a person',
    notes:
      'Give userId, one of contactId, companyId and dealId, or both; or a period of at most 31 days. `from` is included, `to` is not. ' +
      'The distinct counts are of the whole period, whatever the page. With format=csv all rows come as one file, without pages.',
    tag: 'Watching',
    query: exposureQuery,
    answer: exposureSchema,
    otherMediaTypes: [MEDIA_TYPES.csv],
    refusals: ['unknown-filter', 'invalid-cursor', 'dependency-unavailable'],
  })
  async list(
    @CurrentWho() who: Who,
    @Query() query: object,
    @Req() { routeOptions }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ExposurePage | Readable> {
    const page = parsePage(query);
    refuseUnknown(page.rest, ['userId', ...SUBJECTS, 'from', 'to', 'format']);
    const filter = filterOf(page.rest);
    const isFile = isCsv(page, query);
    const details = { ...filter, ...(isFile ? { format: 'csv' } : {}) };
    await this.audit.record(this.database.db, 'exposure.read', { actorId: who.principal.userId, ip: who.ip, details });
    if (isFile) return this.file(reply, who, routeOptions.config.rules ?? {}, filter);
    const { limit, cursor } = page;
    const { items, distinctSubjects, distinctUsers, nextCursor } = await this.monitor.exposure({
      ...{ ...filter, limit, cursor, counted: true },
    });
    return {
      items: items.map((item) => ({ ...item, tokenId: item.tokenId ?? null })),
      distinctSubjects,
      distinctUsers,
      nextCursor,
    };
  }

  /** It ends, unfinished, with what let its reader in. */
  private async file(reply: FastifyReply, who: Who, rules: RouteRules, filter: ExposureFilter): Promise<Readable> {
    const content = await exposureFile(this.monitor, filter, () => this.authentication.recheck(who, rules));
    const bytes = fileStream('csv', 'exposure', content);
    const stopWatching = this.openStreams.add({ who, rules, end: () => bytes.destroy() });
    bytes.once('close', stopWatching);
    reply.header('content-type', MEDIA_TYPES.csv).header('content-disposition', 'attachment; filename="exposure.csv"');
    return bytes;
  }
}

function filterOf(rest: ReadonlyMap<string, string>): ExposureFilter {
  const userId = idOf(rest, 'userId');
  const [subjectId = null, another] = SUBJECTS.map((name) => idOf(rest, name)).filter((id) => id !== null);
  if (another !== undefined) throw invalid('contactId', 'Give one of contactId, companyId and dealId.');
  const { from, to } = periodOf(rest);
  const days = from === null || to === null ? Infinity : (Date.parse(to) - Date.parse(from)) / DAY_MS;
  if (userId === null && subjectId === null && days > LONGEST_PERIOD_DAYS)
    throw invalid('userId', `Give userId or contactId, or from and to at most ${LONGEST_PERIOD_DAYS} days apart.`);
  return { userId, subjectId, from, to };
}

/** A file is one whole: pages are of lists. */
function isCsv({ rest }: PageRequest, query: object): boolean {
  const format = rest.get('format') ?? 'json';
  if (format !== 'json' && format !== 'csv') throw invalid('format', 'Give json or csv.');
  if (format === 'csv' && ('limit' in query || 'cursor' in query)) throw invalid('format', 'A file has no limit and no cursor.');
  return format === 'csv';
}
