import { PassThrough } from 'node:stream';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isUuid, refuse } from '#kernel';
import { alarmSchema, type Alarm } from '#contracts';
import { decodeCursor, encodeCursor, pageQuerySchema, pageSchema, parsePage, refuseUnknown, type Page } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import { AlarmReaders } from './alarm-readers.js';
import { MonitorClient } from './monitor-client.js';

const tag = 'Watching';

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
    summary: 'Alarms, newest first',
    tag,
    query: pageQuerySchema,
    answer: pageSchema(alarmSchema),
    refusals: ['invalid-cursor', 'dependency-unavailable'],
  })
  async list(@Query() query: unknown): Promise<Page<Alarm>> {
    const page = parsePage(query);
    refuseUnknown(page.rest);
    const beforeId = page.cursor === null ? null : decodeCursor(page.cursor, z.uuid());
    const { items } = await this.monitor.alarms({ limit: page.limit, beforeId, afterId: null });
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
    refusals: ['malformed-request', 'dependency-unavailable'],
  })
  async stream(@CurrentWho() who: Who, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const lastId = request.headers['last-event-id'];
    if (lastId !== undefined && (typeof lastId !== 'string' || !isUuid(lastId))) refuse('malformed-request');
    const out = new PassThrough();
    // Before anything is waited for: who goes away meanwhile must not be listened for for ever.
    reply.raw.on('close', () => out.destroy());
    await this.readers.add(who, request.routeOptions.config.rules ?? {}, out, lastId ?? null);
    reply.header('content-type', 'text/event-stream; charset=utf-8').header('x-accel-buffering', 'no');
    await reply.send(out);
  }
}
