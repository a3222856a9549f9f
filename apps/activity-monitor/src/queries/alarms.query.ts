import { sql, type Kysely } from 'kysely';
import type { Alarm, alarmsQuerySchema, AlarmsReply } from '#contracts';
import type { z } from 'zod';

/** Alarms, newest first; with `afterId` those after it, oldest first. */
export async function queryAlarms(db: Kysely<unknown>, query: z.output<typeof alarmsQuerySchema>): Promise<AlarmsReply> {
  const { limit, beforeId, afterId } = query;
  const order = afterId === null ? sql`DESC` : sql`ASC`;
  const { rows } = await sql<{ alarm: Alarm }>`
    SELECT alarm FROM monitor.alarms
    WHERE id < coalesce(${beforeId}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND id > coalesce(${afterId}::uuid, '00000000-0000-0000-0000-000000000000')
    ORDER BY id ${order} LIMIT ${limit}`.execute(db);
  return { ok: true, items: rows.map((row) => row.alarm) };
}
