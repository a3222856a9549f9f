import { sql } from 'kysely';
import { z } from 'zod';
import { isInstant } from '#kernel';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { decodeCursor, pageOf, type Page, type PageRequest } from '../http/index.js';

export const auditEntrySchema = z.object({
  id: z.uuid(),
  at: z.iso.datetime(),
  type: z.string(),
  actorId: z.uuid().nullable(),
  ip: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});
export type AuditEntryShown = z.input<typeof auditEntrySchema>;

/** Null: not filtered by it. `from` is included, `to` is not. */
export interface AuditFilter {
  readonly actorId: string | null;
  readonly type: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

const positionSchema = z.tuple([z.iso.datetime().refine(isInstant), z.uuid()]);
type Position = z.infer<typeof positionSchema>;

/** Lines that have their reason beside the trail: words about a person, which go with him. Null from then on. */
const REVEALED: ReadonlySet<string> = new Set(['phone.revealed', 'email.revealed']);
const REASON = sql<string | null>`(SELECT r.reason FROM read.reveals AS r
  WHERE r.id = CASE WHEN type IN ('phone.revealed', 'email.revealed') THEN (details->>'revealId')::uuid END)`;

/** Reads `read.audit`, newest first. */
export class AuditEntries {
  constructor(private readonly database: GatewayDatabase) {}

  /** Where the page begins; null at the newest. Throws `invalid-cursor`. */
  position({ cursor }: PageRequest): Position | null {
    return cursor === null ? null : decodeCursor(cursor, positionSchema);
  }

  async list({ actorId, type, from, to }: AuditFilter, limit: number, after: Position | null): Promise<Page<AuditEntryShown>> {
    const rows = await this.database.db
      .selectFrom('read.audit')
      .select(['id', 'at', 'type', 'actor_id', 'ip', 'details'])
      .select(REASON.as('reason'))
      // Microseconds, which a Date has not: a cursor that rounds would skip or repeat.
      .select(sql<string>`to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('exactly'))
      .$if(actorId !== null, (select) => select.where('actor_id', '=', actorId))
      .$if(type !== null, (select) => select.where('type', '=', type as string))
      .$if(from !== null, (select) => select.where('at', '>=', sql<Date>`${from}::timestamptz`))
      .$if(to !== null, (select) => select.where('at', '<', sql<Date>`${to}::timestamptz`))
      .$if(after !== null, (select) => select.where(sql<boolean>`(at, id) < (${after?.[0]}::timestamptz, ${after?.[1]}::uuid)`))
      .orderBy('at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    return pageOf(
      rows,
      limit,
      ({ id, at, type: shown, actor_id, ip, details, reason }) => {
        const { revealId: _, ...named } = details;
        const told = REVEALED.has(shown) ? { ...named, reason } : details;
        return { id, at: at.toISOString(), type: shown, actorId: actor_id, ip, details: told };
      },
      (row): Position => [row.exactly, row.id],
    );
  }
}
