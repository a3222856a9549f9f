import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { MEASURES, type ExposureReply, type MonitoredUser } from '#contracts';
import { AuditTrail } from '../accounts/audit-trail.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { pageQuerySchema, parsePage, refuseUnknown } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import { idOf, invalid, timeOf } from './filters.js';
import { MonitorClient } from './monitor-client.js';

const tag = 'Watching';
const monitoredSchema = z.object({
  items: z.array(
    z.object({
      userId: z.uuid(),
      name: z.string(),
      state: z.enum(['active', 'held', 'deactivated']),
      measures: z.array(
        z.object({
          measure: z.enum(MEASURES),
          window: z.enum(['hour', 'day']),
          count: z.int(),
          max: z.int().nullable(),
          since: z.iso.datetime(),
        }),
      ),
    }),
  ),
});
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
    }),
  ),
  distinctSubjects: z.int(),
  nextCursor: z.string().nullable(),
});
const exposureQuery = pageQuerySchema.extend({
  userId: z.uuid().optional(),
  contactId: z.uuid().optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
});

@Controller('/v1')
export class WatchingController {
  constructor(
    private readonly monitor: MonitorClient,
    private readonly audit: AuditTrail,
    private readonly database: GatewayDatabase,
  ) {}

  @Get('/monitoring/users')
  @RequiresScope('monitoring:read')
  @RequiresRight('monitoring', 'view')
  @Operation({
    summary: 'Counts now against limits, per person',
    tag,
    answer: monitoredSchema,
    refusals: ['dependency-unavailable'],
  })
  async users(): Promise<{ items: readonly MonitoredUser[] }> {
    const { items } = await this.monitor.users();
    return { items };
  }

  /** Written to the audit trail before it is answered: what cannot be recorded is not shown. */
  @Get('/exposure')
  @RequiresScope('monitoring:read')
  @RequiresRight('exposure', 'view')
  @Operation({
    summary: 'The ledger: whose data a person was shown, or who was shown a person',
    tag,
    query: exposureQuery,
    answer: exposureSchema,
    refusals: ['invalid-cursor', 'dependency-unavailable'],
  })
  async exposure(@CurrentWho() who: Who, @Query() query: unknown): Promise<Omit<ExposureReply, 'ok'>> {
    const { limit, cursor, rest } = parsePage(query);
    refuseUnknown(rest, ['userId', 'contactId', 'from', 'to']);
    const userId = idOf(rest, 'userId');
    const subjectId = idOf(rest, 'contactId');
    if ((userId === null) === (subjectId === null)) throw invalid('userId', 'Give userId or contactId, one of the two.');
    const asked = { userId, subjectId, from: timeOf(rest, 'from'), to: timeOf(rest, 'to') };
    await this.audit.record(this.database.db, 'exposure.read', { actorId: who.principal.userId, ip: who.ip, details: asked });
    const { items, distinctSubjects, nextCursor } = await this.monitor.exposure({ ...asked, limit, cursor });
    return { items, distinctSubjects, nextCursor };
  }
}
