import { DomainError } from '#kernel';
import { request, type Broker } from '#messaging';
import {
  SUBJECTS,
  type AlarmsReply,
  type alarmsQuerySchema,
  type ExposureReply,
  type exposureQuerySchema,
  type MonitoredUsersReply,
  type RefusalReply,
  type usersQuerySchema,
  type SuggestionsReply,
} from '#contracts';
import type { z } from 'zod';

const DEADLINE_MS = 5_000;

/** Asks the monitor. When it is away the answer is `dependency-unavailable`. */
export class MonitorClient {
  constructor(private readonly broker: Broker) {}

  alarms(query: z.input<typeof alarmsQuerySchema>): Promise<AlarmsReply> {
    return this.ask('Alarms', query);
  }

  exposure(query: z.input<typeof exposureQuerySchema>): Promise<ExposureReply> {
    return this.ask('Exposure', query);
  }

  users(query: z.input<typeof usersQuerySchema>): Promise<MonitoredUsersReply> {
    return this.ask('Users', query);
  }

  suggestions(): Promise<SuggestionsReply> {
    return this.ask('Suggestions', {});
  }

  private async ask<Reply extends { readonly ok: true }>(name: string, query: object): Promise<Reply> {
    const reply = await request<Reply | RefusalReply>(this.broker, SUBJECTS.monitorQuery(name), query, {
      ...{ timeoutMs: DEADLINE_MS, answersTo: SUBJECTS.monitorAnswers },
    });
    if (!reply.ok) throw new DomainError(reply.code);
    return reply;
  }
}
