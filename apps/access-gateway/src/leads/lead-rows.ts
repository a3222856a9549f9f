import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { ShownLead } from '#contracts';
import { isInstant } from '#kernel';
import { filterFor } from '#policy';
import { GatewayDatabase } from '../database/gateway-database.js';
import { decodeCursor, pageOf, type Page, type PageRequest } from '../http/index.js';
import { gateValues, requireAdmitted, type Admission } from '../records/gate.js';
import { WatchRelay } from '../relay/watch-relay.js';
import type { Who } from '../requests/request-context.js';

export const WAITING_STATES = ['quarantined', 'set-aside'] as const;
export type WaitingState = (typeof WAITING_STATES)[number];

const text = z.string().nullable();
export const leadRowSchema = z.object({
  id: z.uuid(),
  formId: z.uuid(),
  state: z.enum(WAITING_STATES),
  reason: z.string().describe('form, honeypot or rate of a quarantined lead; the code of what failed of one set aside'),
  receivedAt: z.iso.datetime(),
  version: z.int(),
  lead: z
    .object({ name: text, phone: text, email: text, company: text, title: text, message: text })
    .nullable()
    .describe('Masked; null where the lead cannot be read'),
  attribution: z.record(z.string(), z.string()).optional().describe('For those who may see attribution of every record'),
});
export type LeadRow = z.input<typeof leadRowSchema>;

export interface LeadFilter {
  readonly state: WaitingState;
  readonly formId: string | null;
}

interface StoredRow extends Record<string, unknown> {
  readonly id: string;
  readonly form_id: string;
  readonly state: WaitingState;
  readonly reason: string | null;
  readonly received_at: Date;
  /** `received_at` with its microseconds. */
  readonly exactly: string;
  readonly version: number;
  readonly shown: ShownLead | null;
  readonly attribution: Record<string, string> | null;
}

const positionSchema = z.tuple([z.iso.datetime().refine(isInstant), z.uuid()]);
type Position = z.infer<typeof positionSchema>;

/** Leads that wait for somebody's word, newest first. They show people, so they pass the gate like rows of a list. */
@Injectable()
export class LeadRows {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly relay: WatchRelay,
  ) {}

  /**
   * One page, counted before it is returned (`list.rows`, as contacts: that is what the people of leads are about to be). Throws
   * `invalid-cursor`, and as `requireAdmitted`.
   */
  async list(who: Who, { state, formId }: LeadFilter, { limit, cursor }: PageRequest): Promise<Page<LeadRow>> {
    const after: Position | null = cursor === null ? null : decodeCursor(cursor, positionSchema);
    const rows = await this.database.query<StoredRow>(
      'waiting leads',
      `SELECT id, form_id, state, reason, received_at, version, shown, attribution,
         to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS exactly
       FROM read.leads
       WHERE state = $1 AND state <> 'accepted' AND ($2::uuid IS NULL OR form_id = $2)
         AND ($3::timestamptz IS NULL OR (received_at, id) < ($3, $4::uuid))
       ORDER BY received_at DESC, id DESC LIMIT $5`,
      [state, formId, after?.[0] ?? null, after?.[1] ?? null, limit + 1],
    );
    await this.admit(
      who,
      rows.slice(0, limit).map(({ id }) => id),
    );
    const attributed = filterFor(who.principal, 'attribution', 'view').kind === 'everything';
    return pageOf(
      rows,
      limit,
      (row) => shown(row, attributed),
      ({ exactly, id }): Position => [exactly, id],
    );
  }

  private async admit(who: Who, ids: readonly string[]): Promise<void> {
    const [admission] = await this.database.query<Admission & Record<string, unknown>>(
      'admit leads',
      `SELECT gate.decision, (SELECT authz_version FROM read.security) AS authz_version
       FROM watch.admit($1, 'list.rows', 'row', 'contact', $2::uuid[], $3, $4, $5, $6, true) AS gate`,
      [who.principal.userId, ids, ...gateValues(who)],
    );
    // A refusal may cut somebody off, and goes at once.
    if (admission?.decision !== 'admitted') this.relay.wake();
    requireAdmitted(who, admission);
  }
}

function shown(row: StoredRow, attributed: boolean): LeadRow {
  return {
    ...{ id: row.id, formId: row.form_id, state: row.state, reason: row.reason ?? '' },
    ...{ receivedAt: row.received_at.toISOString(), version: row.version, lead: row.shown },
    ...(attributed && row.attribution !== null ? { attribution: row.attribution } : {}),
  };
}
