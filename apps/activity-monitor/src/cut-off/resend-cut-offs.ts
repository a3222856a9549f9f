import { sql, type Kysely } from 'kysely';
import { SUBJECTS, type LimitStanding, type UserDeactivatedFact } from '#contracts';

/**
 * Puts into the outbox again what was published and did not come to be: the person is held, and a while later core still has him
 * as active (the stream was wiped, or core is away). Same id, so whoever has seen it does nothing. Returns how many.
 */
export async function resendCutOffs(db: Kysely<unknown>): Promise<number> {
  const { rows } = await sql<{ id: string; user_id: string; epoch: number; refused_at: string; cause: LimitStanding }>`
    SELECT c.id, c.user_id, c.epoch, watch.iso(c.refused_at) AS refused_at, c.cause
    FROM monitor.cutoffs AS c
    JOIN read.principals AS p ON p.user_id = c.user_id AND p.epoch = c.epoch AND p.status = 'active'
    WHERE c.emitted_at < clock_timestamp() - interval '30 seconds'
      AND NOT EXISTS (SELECT FROM monitor.outbox AS o WHERE o.msg_id = c.id::text)`.execute(db);
  for (const { id, user_id: userId, epoch, refused_at: refusedAt, cause } of rows) {
    const fact: UserDeactivatedFact = { id, userId, epoch, refusedAt, cause };
    await sql`INSERT INTO monitor.outbox (subject, msg_id, payload)
      VALUES (${SUBJECTS.userDeactivated}, ${id}, ${JSON.stringify(fact)}::jsonb)`.execute(db);
  }
  return rows.length;
}
