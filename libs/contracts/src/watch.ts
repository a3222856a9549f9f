import { z } from 'zod';

/** What can be counted and limited. */
export const MEASURES = [
  'deal.opened',
  'contact.opened',
  'company.opened',
  'card.opened',
  'list.rows',
  'phone.revealed',
  'phone.lookedUp',
  'call.placed',
  'record.exported',
  'record.deleted',
  'record.reassigned',
] as const;
export type Measure = (typeof MEASURES)[number];
/** Measures that a disclosure is written under; `card.opened` is the sum of the three openings and never written itself. */
export type WrittenMeasure = Exclude<Measure, 'card.opened'>;

export type LimitWindow = 'hour' | 'day';
export type LimitAction = 'deactivate' | 'refuse' | 'alert';
export type DisclosureKind = 'card' | 'row' | 'reveal' | 'lookup' | 'call' | 'export' | 'history' | 'deletion' | 'reassignment';

/*
 * Facts: told to whoever listens, also by a newer version to an older one and by a stream that was filled long ago. A receiver drops
 * what it does not know; what a later version adds is optional (ADR 35). Requests are strict: what is not understood is refused.
 */

/** A limit with the count that met it. */
export const limitStandingSchema = z.object({
  measure: z.enum(MEASURES),
  window: z.enum(['hour', 'day']),
  action: z.enum(['deactivate', 'refuse', 'alert']),
  max: z.int().min(0),
  count: z.int().min(0),
});
export type LimitStanding = z.infer<typeof limitStandingSchema>;

/** A limit that a disclosure brought near or past its maximum. `count` has the disclosure in it, `added` is what it added to it. */
export const reachedLimitSchema = limitStandingSchema.extend({ added: z.int().min(0) });
export type ReachedLimit = z.infer<typeof reachedLimitSchema>;

/**
 * A row of `watch.outbox`, as published on the WATCH stream with `id` as Nats-Msg-Id. Ids only.
 * `limits` lists the limits whose count reached ⌈0.8·max⌉ with this disclosure; a refusal names the one that refused in `refusedBy`.
 */
export const watchEventSchema = z.object({
  id: z.uuid(),
  type: z.enum(['card.viewed', 'list.viewed', 'action.admitted', 'view.refused']),
  at: z.iso.datetime({ offset: true }),
  userId: z.uuid(),
  isAdmin: z.boolean(),
  epoch: z.int().min(0),
  measure: z.enum(MEASURES),
  kind: z.string(),
  subjectType: z.enum(['contact', 'company', 'deal']),
  /** The records shown; empty on a refusal, and for more than 5,000, which stand in the disclosure log alone. */
  subjectIds: z.array(z.uuid()),
  /** Contacts whose names the card of a deal showed: in the ledger, in no count. */
  namedContactIds: z.array(z.uuid()).default([]),
  masked: z.boolean(),
  sessionId: z.uuid().nullable(),
  tokenId: z.uuid().nullable(),
  ip: z.string().nullable(),
  limits: z.array(reachedLimitSchema),
  refusedBy: limitStandingSchema.nullable(),
  /** True on the one refusal that set the hold. */
  held: z.boolean(),
});
export type WatchEvent = z.infer<typeof watchEventSchema>;

/** `access.user.deactivated`: a person is cut off. `id` is made of person, epoch and cause, so it exists once. */
export const userDeactivatedSchema = z.object({
  id: z.uuid(),
  userId: z.uuid(),
  epoch: z.int().min(0),
  /** When the gate refused, by the database's clock. */
  refusedAt: z.iso.datetime({ offset: true }),
  cause: limitStandingSchema,
});
export type UserDeactivatedFact = z.infer<typeof userDeactivatedSchema>;

/** `access.cutoff.applied`: one service instance confirms a cut-off. */
export const cutoffAppliedSchema = z.object({
  deactivationId: z.uuid(),
  service: z.enum(['access-gateway', 'crm-core']),
  instance: z.string().max(64),
  at: z.iso.datetime({ offset: true }),
});
export type CutoffApplied = z.infer<typeof cutoffAppliedSchema>;

/** `access.heartbeat.<service>` each second, over core NATS. */
export const heartbeatSchema = z.object({
  service: z.enum(['access-gateway', 'crm-core']),
  instance: z.string().max(64),
  /**
   * Of the core that seals: the number of the last seal, how old the oldest event is that is not sealed (milliseconds), and whether the
   * chain cannot go on.
   */
  sealing: z.object({ number: z.int().nonnegative(), behindMs: z.int().nonnegative(), stopped: z.boolean() }).optional(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;
export type SealingStanding = NonNullable<z.infer<typeof heartbeatSchema>['sealing']>;

export const ALARM_TYPES = [
  'user.deactivated',
  'limit.approached',
  'limit.exceeded',
  'pattern.unusual',
  'refusals.many',
  'sign-in.refused',
  'settings.weakened',
  'mass.deletion',
  // Of our own: tallies, windows or ledger are not what the disclosure log says, or the broker tells of what it does not have.
  'records.differ',
  // Of our own: the log is written and not sealed, so tampering would not show.
  'sealing.stopped',
  // Of our own: the database's clock, by which windows go, was moved.
  'clock.moved',
] as const;

/** An alarm as administrators get it and as it stands on `alarm.<type>`. Ids are UUIDv7: newer sorts later. */
export const alarmSchema = z.object({
  id: z.uuid(),
  type: z.enum(ALARM_TYPES),
  severity: z.enum(['info', 'warning', 'critical']),
  at: z.iso.datetime({ offset: true }),
  userId: z.uuid().nullable(),
  measure: z.enum(MEASURES).optional(),
  window: z.enum(['hour', 'day']).optional(),
  limit: z.int().optional(),
  count: z.int().optional(),
  /** Milliseconds from the refusal to the last confirmation of the cut-off. */
  cutOffMs: z.number().optional(),
  /** Path of the ledger of that window, on the gateway. */
  exposure: z.string().optional(),
  /** `pattern.unusual` of a department; `userId` is null then. */
  departmentId: z.uuid().optional(),
  /** Who of the department was shown how much of it, the most first. */
  members: z.array(z.object({ userId: z.uuid(), count: z.int() })).optional(),
  /** `pattern.unusual`: what is far outside, over how many days, and the usual of one day, made of so many working days. */
  pattern: z
    .object({
      figure: z.enum([...MEASURES, 'records.shown', 'records.unfamiliar']),
      days: z.int(),
      median: z.number(),
      deviation: z.number(),
      of: z.enum(['person', 'roles', 'everyone', 'department']),
      ofDays: z.int(),
    })
    .optional(),
  message: z.string(),
});
export type Alarm = z.infer<typeof alarmSchema>;

/** Which alarms; what is null is not asked for. `from` is included, `to` is not. */
export const alarmFilterSchema = z.strictObject({
  type: z.enum(ALARM_TYPES).nullable(),
  userId: z.uuid().nullable(),
  from: z.iso.datetime({ offset: true }).nullable(),
  to: z.iso.datetime({ offset: true }).nullable(),
});
export type AlarmFilter = z.infer<typeof alarmFilterSchema>;

/** `monitor.query.Alarms`: newest first; with `afterId` oldest first those after it (for resuming a stream). */
export const alarmsQuerySchema = z.strictObject({
  limit: z.int().min(1).max(200),
  beforeId: z.uuid().nullable(),
  afterId: z.uuid().nullable(),
  filter: alarmFilterSchema.optional(),
});
export interface AlarmsReply {
  readonly ok: true;
  readonly items: readonly Alarm[];
}

/** Rows of one reply at most: they have to fit into a message. */
export const MOST_EXPOSURE_ROWS = 1_000;
/** `monitor.query.Exposure`: of a person who looked, of a record that was shown, of both, or of a period alone. Newest first. */
export const exposureQuerySchema = z.strictObject({
  userId: z.uuid().nullable(),
  subjectId: z.uuid().nullable(),
  from: z.iso.datetime({ offset: true }).nullable(),
  to: z.iso.datetime({ offset: true }).nullable(),
  limit: z.int().min(1).max(MOST_EXPOSURE_ROWS),
  cursor: z.string().max(200).nullable(),
  /** Whether distinct subjects and people of the whole period are asked for too; else they are 0. */
  counted: z.boolean(),
});
export interface ExposureRow {
  readonly at: string;
  readonly userId: string;
  readonly subjectType: 'contact' | 'company' | 'deal';
  readonly subjectId: string;
  readonly kind: string;
  readonly masked: boolean;
  readonly ip: string | null;
  readonly sessionId: string | null;
  /** In place of a session; absent from monitors of before. */
  readonly tokenId?: string | null;
}
export interface ExposureReply {
  readonly ok: true;
  readonly items: readonly ExposureRow[];
  readonly distinctSubjects: number;
  readonly distinctUsers: number;
  readonly nextCursor: string | null;
}

/**
 * `monitor.query.Users` → counts now against limits, by name: those after the person `afterId`, or
 * those of whom something was recorded within the last seconds.
 */
export const usersQuerySchema = z.strictObject({
  limit: z.int().min(1).max(200),
  afterId: z.uuid().nullable(),
  userId: z.uuid().nullable(),
  activeWithinSeconds: z.int().min(1).max(60).nullable(),
});
export interface MonitoredUser {
  readonly userId: string;
  readonly name: string;
  readonly state: 'active' | 'held' | 'deactivated';
  readonly measures: readonly {
    readonly measure: Measure;
    readonly window: LimitWindow;
    readonly action: LimitAction;
    readonly count: number;
    readonly max: number;
    readonly since: string;
  }[];
}
export interface MonitoredUsersReply {
  readonly ok: true;
  readonly items: readonly MonitoredUser[];
}
