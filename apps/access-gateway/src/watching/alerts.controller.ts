import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { refuse } from '#kernel';
import { ALARM_TYPES, alarmSchema, type Alarm } from '#contracts';
import { decodeCursor, encodeCursor, pageQuerySchema, pageSchema, parsePage, refuseUnknown, type Page } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import { AlarmReaders } from './alarm-readers.js';
import { lastEventId, sendStream, streamOutput } from './event-stream-answer.js';
import { idOf, invalid, periodOf } from './filters.js';
import { MonitorClient } from './monitor-client.js';

const tag = 'Watching';
const FILTERS = ['type', 'userId', 'from', 'to'];
const alertsQuery = pageQuerySchema.extend({
  type: z.enum(ALARM_TYPES).optional(),
  userId: z.uuid().optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
});

@Controller('/v1/alerts')
export class AlertsController {
  constructor(
    private readonly monitor: MonitorClient,
    private readonly readers: AlarmReaders,
  ) {}

  @Get()
  @RequiresScope('monitoring:read')
  @RequiresRight('monitoring', 'view')
  @Operation({
    summary: 'Alarms, newest first; `from` is included, `to` is not',
    tag,
    query: alertsQuery,
    answer: pageSchema(alarmSchema),
    refusals: ['unknown-filter', 'invalid-cursor', 'dependency-unavailable'],
  })
  async list(@Query() query: unknown): Promise<Page<Alarm>> {
    const page = parsePage(query);
    refuseUnknown(page.rest, FILTERS);
    const filter = { type: typeOf(page.rest), userId: idOf(page.rest, 'userId'), ...periodOf(page.rest) };
    const beforeId = page.cursor === null ? null : decodeCursor(page.cursor, z.uuid());
    const { items } = await this.monitor.alarms({ limit: page.limit, beforeId, afterId: null, filter });
    const last = items.at(-1);
    return { items: [...items], nextCursor: items.length === page.limit && last !== undefined ? encodeCursor(last.id) : null };
  }

  @Get('/stream')
  @RequiresScope('monitoring:read')
  @RequiresRight('monitoring', 'view')
  @Operation({
    summary: 'Alarms as they happen, as Server-Sent Events; Last-Event-ID resumes',
    tag,
    answer: z.string(),
    mediaType: 'text/event-stream',
    refusals: ['malformed-request', 'unknown-filter', 'dependency-unavailable'],
  })
  async stream(
    @CurrentWho() who: Who,
    @Query() query: object,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (Object.keys(query).length > 0) refuse('unknown-filter');
    const afterId = lastEventId(request);
    const out = streamOutput(reply);
    await this.readers.add(who, request.routeOptions.config.rules ?? {}, out, afterId);
    await sendStream(reply, out);
  }
}

function typeOf(rest: ReadonlyMap<string, string>): Alarm['type'] | null {
  const type = rest.get('type');
  if (type === undefined) return null;
  const known = ALARM_TYPES.find((one) => one === type);
  if (known === undefined) throw invalid('type', `Give one of ${ALARM_TYPES.join(', ')}.`);
  return known;
}
