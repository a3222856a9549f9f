import { sql, type Kysely } from 'kysely';
import type { MonitoredUser, MonitoredUsersReply } from '#contracts';

/** Everybody who was ever active, by name, with the count now of each limit that holds for him, as the gate counts. */
export async function queryUsers(db: Kysely<unknown>): Promise<MonitoredUsersReply> {
  const { rows } = await sql<MonitoredUser>`
    SELECT p.user_id AS "userId", u.name,
      CASE WHEN p.status = 'deactivated' THEN 'deactivated' WHEN watch.is_held(p.user_id) THEN 'held' ELSE 'active' END AS state,
      coalesce((
        SELECT jsonb_agg(jsonb_build_object('measure', s.measure, 'window', s."window", 'count', s.count, 'max', s.max,
                                            'since', watch.iso(s.since)) ORDER BY s.measure, s."window" DESC, s.max)
        FROM watch.standings(p.user_id) AS s WHERE p.status = 'active'
      ), '[]') AS measures
    FROM read.principals AS p JOIN read.users AS u ON u.id = p.user_id
    WHERE p.status <> 'invited'
    ORDER BY u.name, p.user_id`.execute(db);
  return { ok: true, items: rows };
}
