import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { MEASURES, type MonitoredUser } from '#contracts';
import { refuse } from '#kernel';
import { decodeCursor, encodeCursor, pageQuerySchema, pageSchema, parsePage, refuseUnknown, type Page } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import { lastEventId, sendStream, streamOutput } from './event-stream-answer.js';
import { idOf } from './filters.js';
import { MonitorClient } from './monitor-client.js';
import { MonitoredUserReaders, USER_COUNTED } from './monitored-user-readers.js';

const tag = 'Watching';
const monitoredSchema = z.object({
  userId: z.uuid(),
  name: z.string(),
  state: z.enum(['active', 'held', 'deactivated']),
  measures: z.array(
    z.object({
      measure: z.enum(MEASURES),
      window: z.enum(['hour', 'day']),
      action: z.enum(['deactivate', 'refuse', 'alert']),
      count: z.int(),
      max: z.int(),
      since: z.iso.datetime(),
    }),
  ),
});

@Controller('/v1/monitoring/users')
export class MonitoringController {
  constructor(
    private readonly monitor: MonitorClient,
    private readonly readers: MonitoredUserReaders,
  ) {}

  @Get()
  @RequiresScope('monitoring:read')
  @RequiresRight('monitoring', 'view')
  @Operation({
    summary: 'Counts now against limits, per person, by name',
    tag,
    query: pageQuerySchema.extend({ userId: z.uuid().optional() }),
    answer: pageSchema(monitoredSchema),
    refusals: ['unknown-filter', 'invalid-cursor', 'dependency-unavailable'],
  })
  async list(@Query() query: unknown): Promise<Page<MonitoredUser>> {
    const { limit, cursor, rest } = parsePage(query);
    refuseUnknown(rest, ['userId']);
    // The cursor names the last person by his id: his name is nobody's who reads addresses.
    const afterId = cursor === null ? null : decodeCursor(cursor, z.uuid());
    const asked = { limit, afterId, userId: idOf(rest, 'userId'), activeWithinSeconds: null };
    const { items } = await this.monitor.users(asked);
    const last = items.at(-1);
    return {
      items: [...items],
      nextCursor: items.length === limit && last !== undefined ? encodeCursor(last.userId) : null,
    };
  }

  @Get('/stream')
  @RequiresScope('monitoring:read')
  @RequiresRight('monitoring', 'view')
  @Operation({
    summary: 'Counts as they change, as Server-Sent Events, once a second at most',
    notes:
      `Each message is \`${USER_COUNTED}\` with a person as the list has him. Open the stream first, then read the list. What rises is ` +
      'told within seconds; what falls because its window moves on, within a second for each 200 people. A stream is not resumed: with ' +
      'Last-Event-ID the message `resync` comes first, which says to read the list anew. A comment comes every 15 seconds.',
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
    this.readers.add(who, request.routeOptions.config.rules ?? {}, out, afterId !== null);
    await sendStream(reply, out);
  }
}
