import { sql, type Kysely } from 'kysely';
import type { Measure } from '#contracts';
import { earliestIdOf } from '../fold/time-ordered-ids.js';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';

/** http-api.md "Watching": so many refusals of one person in a minute. */
const LEVEL = 20;
const LOOK_BACK_MS = 120_000;

/**
 * Raises `refusals.many`, once for each minute of refusals. Only the first refusal of a minute is an event; how many followed
 * stands in the refusal itself, so this is looked up and does not come by the stream. Returns how many were raised.
 */
export async function raiseManyRefusals(db: Kysely<unknown>, now: Date): Promise<number> {
  await sql`SELECT watch.add_up_refusals()`.execute(db);
  const { rows } = await sql<{ id: string; at: string; user_id: string; measure: Measure; count: number }>`
    SELECT id, watch.iso(at) AS at, user_id, measure, further + 1 AS count FROM watch.refusals AS r
    WHERE id >= ${earliestIdOf(now.getTime() - LOOK_BACK_MS)}::uuid AND further >= ${LEVEL - 1}
      AND NOT EXISTS (SELECT FROM monitor.alarms AS a WHERE a.dedupe_key = 'refusals.many|' || r.id)`.execute(db);
  if (rows.length === 0) return 0;
  const drafts = rows.map(({ id, at, user_id: userId, measure, count }): AlarmDraft => ({
    key: `refusals.many|${id}`,
    alarm: {
      type: 'refusals.many',
      severity: 'warning',
      at,
      userId,
      measure,
      count,
      message: `One person was refused ${count} times within a minute.`,
    },
  }));
  return (await db.transaction().execute((trx) => raiseAlarms(trx, drafts))).length;
}
