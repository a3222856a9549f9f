import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import type { Kysely } from 'kysely';
import type { z } from 'zod';
import {
  alarmsQuerySchema,
  exposureQuerySchema,
  SUBJECTS,
  usersQuerySchema,
  type AlarmsReply,
  type ExposureReply,
  type MonitoredUsersReply,
  type RefusalReply,
} from '#contracts';
import { DomainError } from '#kernel';
import { refusalOf } from '#messaging';
import { isUnavailable, type Logger } from '#platform';
import { MONITOR_DB, MONITOR_LOGGER } from '../monitor.tokens.js';
import { queryAlarms } from './alarms.query.js';
import { queryExposure } from './exposure.query.js';
import { queryUsers } from './users.query.js';

/** What the monitor is asked over the broker. Refusals are answers; nothing is thrown over the wire. */
@Controller()
export class QueriesController {
  constructor(
    @Inject(MONITOR_DB) private readonly db: Kysely<unknown>,
    @Inject(MONITOR_LOGGER) private readonly logger: Logger,
  ) {}

  @MessagePattern(SUBJECTS.monitorQuery('Alarms'))
  alarms(@Payload() message: unknown): Promise<AlarmsReply | RefusalReply> {
    return this.answer(alarmsQuerySchema, message, (query) => queryAlarms(this.db, query));
  }

  @MessagePattern(SUBJECTS.monitorQuery('Exposure'))
  exposure(@Payload() message: unknown): Promise<ExposureReply | RefusalReply> {
    return this.answer(exposureQuerySchema, message, (query) => queryExposure(this.db, query));
  }

  @MessagePattern(SUBJECTS.monitorQuery('Users'))
  users(@Payload() message: unknown): Promise<MonitoredUsersReply | RefusalReply> {
    return this.answer(usersQuerySchema, message, (query) => queryUsers(this.db, query));
  }

  private async answer<S extends z.ZodType, T>(
    schema: S,
    message: unknown,
    run: (query: z.output<S>) => Promise<T>,
  ): Promise<T | RefusalReply> {
    const parsed = schema.safeParse(message);
    if (!parsed.success) return { ok: false, code: 'malformed-request' };
    try {
      return await run(parsed.data);
    } catch (error) {
      if (error instanceof DomainError) return { ok: false, ...refusalOf(error) };
      this.logger.error('a query failed', { error });
      if (isUnavailable(error)) return { ok: false, code: 'dependency-unavailable', retryAfterSeconds: 1 };
      return { ok: false, code: 'internal' };
    }
  }
}
