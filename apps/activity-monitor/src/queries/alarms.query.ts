import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Alarm, AlarmFilter, alarmsQuerySchema, AlarmsReply } from '#contracts';
import type { z } from 'zod';

/** Alarms, newest first; with `afterId` those after it, oldest first. */
export async function queryAlarms(db: Kysely<unknown>, query: z.output<typeof alarmsQuerySchema>): Promise<AlarmsReply> {
  const { limit, beforeId, afterId, filter } = query;
  const order = afterId === null ? sql`DESC` : sql`ASC`;
  const { rows } = await sql<{ alarm: Alarm }>`
    SELECT alarm FROM monitor.alarms
    WHERE id < coalesce(${beforeId}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND id > coalesce(${afterId}::uuid, '00000000-0000-0000-0000-000000000000')
      AND ${filter === undefined ? sql`true` : matching(filter)}
    ORDER BY id ${order} LIMIT ${limit}`.execute(db);
  return { ok: true, items: rows.map((row) => row.alarm) };
}

function matching({ type, userId, from, to }: AlarmFilter): RawBuilder<unknown> {
  const conditions = [sql`true`];
  if (type !== null) conditions.push(sql`alarm->>'type' = ${type}`);
  if (userId !== null) conditions.push(sql`alarm->>'userId' = ${userId}`);
  if (from !== null) conditions.push(sql`(alarm->>'at')::timestamptz >= ${from}::timestamptz`);
  if (to !== null) conditions.push(sql`(alarm->>'at')::timestamptz < ${to}::timestamptz`);
  return sql.join(conditions, sql` AND `);
}
