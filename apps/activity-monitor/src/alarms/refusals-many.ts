import { sql, type Kysely } from 'kysely';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';

/** So many refusals of one person in a minute are one alarm: what administrators are promised of `refusals.many`. */
const LEVEL = 20;
/** What gateways counted: so long is looked back, by a monitor that was away too. */
const COUNTED_BACK = '2 hours';

/**
 * Raises `refusals.many` for whom gateways refused (a right, a rule or the gate), or told that nothing is there, so often within a minute;
 * again only after the number fell below the level. Returns how many were raised.
 */
export async function raiseManyRefusals(db: Kysely<unknown>): Promise<number> {
  const { rows } = await sql<{ key: string; at: string; user_id: string; count: number }>`
    WITH counted AS (
      SELECT user_id, second, sum(count) OVER minute AS count FROM access.refused_requests
      WHERE second > clock_timestamp() - ${COUNTED_BACK}::interval
      WINDOW minute AS (PARTITION BY user_id ORDER BY second RANGE BETWEEN '59 seconds' PRECEDING AND CURRENT ROW)
    ), reaching AS (
      SELECT *, coalesce(lag(count) OVER (PARTITION BY user_id ORDER BY second), 0) AS before,
        concat_ws('|', 'refusals.many', user_id, extract(epoch FROM second)::bigint) AS key
      FROM counted
    )
    SELECT r.key, watch.iso(r.second) AS at, r.user_id, r.count::integer FROM reaching AS r
    WHERE r.count >= ${LEVEL} AND r.before < ${LEVEL}
      AND NOT EXISTS (SELECT FROM monitor.alarms AS a WHERE a.dedupe_key = r.key)`.execute(db);
  if (rows.length === 0) return 0;
  const drafts = rows.map(({ key, at, user_id: userId, count }): AlarmDraft => ({
    key,
    alarm: {
      ...{ type: 'refusals.many', severity: 'warning', at, userId, count },
      message: `One person was refused, or asked for what is not there, ${count} times within a minute.`,
    },
  }));
  return (await db.transaction().execute((trx) => raiseAlarms(trx, drafts))).length;
}

/** Adds the further attempts of who was refused to the refusal they followed. */
export async function addUpRefusals(db: Kysely<unknown>): Promise<void> {
  await sql`SELECT watch.add_up_refusals()`.execute(db);
}
