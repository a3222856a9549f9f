import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { z } from 'zod';
import type { MonitoredUser, MonitoredUsersReply, usersQuerySchema } from '#contracts';
import { DomainError } from '#kernel';

type UsersQuery = z.output<typeof usersQuerySchema>;

/**
 * Everybody who was ever active, by name, with the count now of each limit that holds for him, as the gate counts. Throws DomainError
 * `invalid-cursor` when nobody is the person after whom the page begins.
 */
export async function queryUsers(db: Kysely<unknown>, query: UsersQuery): Promise<MonitoredUsersReply> {
  const { afterId, limit } = query;
  if (afterId !== null) {
    const { rows } = await sql`SELECT FROM read.users WHERE id = ${afterId}`.execute(db);
    if (rows.length === 0) throw new DomainError('invalid-cursor');
  }
  // The page first: counting is dear, and is done for those who are shown.
  const { rows } = await sql<MonitoredUser>`
    WITH page AS MATERIALIZED (
      SELECT p.user_id, p.status, u.name FROM read.principals AS p JOIN read.users AS u ON u.id = p.user_id
      WHERE p.status <> 'invited' AND ${asked(query)}
      ORDER BY u.name, p.user_id LIMIT ${limit}
    )
    SELECT p.user_id AS "userId", p.name,
      CASE WHEN p.status = 'deactivated' THEN 'deactivated' WHEN watch.is_held(p.user_id) THEN 'held' ELSE 'active' END AS state,
      coalesce((
        SELECT jsonb_agg(jsonb_build_object('measure', s.measure, 'window', s."window", 'action', s.action, 'count', s.count,
                                            'max', s.max, 'since', watch.iso(s.since)) ORDER BY s.measure, s."window" DESC, s.max)
        FROM watch.standings(p.user_id) AS s WHERE p.status = 'active' AND m.enabled
      ), '[]') AS measures
    FROM page AS p
    CROSS JOIN (SELECT coalesce((SELECT settings->'activityMonitoring'->'enabled' FROM read.security), 'true'::jsonb)
                  <> 'false'::jsonb AS enabled) AS m
    ORDER BY p.name, p.user_id`.execute(db);
  return { ok: true, items: rows };
}

function asked({ afterId, userId, activeWithinSeconds }: UsersQuery): RawBuilder<unknown> {
  const conditions = [sql`true`];
  if (userId !== null) conditions.push(sql`p.user_id = ${userId}`);
  if (afterId !== null)
    conditions.push(sql`(u.name, p.user_id) > (SELECT a.name, a.id FROM read.users AS a WHERE a.id = ${afterId})`);
  if (activeWithinSeconds !== null) conditions.push(sql`p.user_id IN (${activeWithin(activeWithinSeconds)})`);
  return sql.join(conditions, sql` AND `);
}

/** Of whom something was recorded lately. Ids are made by the database's clock, and so is the bound. */
function activeWithin(seconds: number): RawBuilder<unknown> {
  const since = sql`(SELECT uuidv7(make_interval(secs => ${-seconds})))`;
  return sql`SELECT d.user_id FROM watch.disclosures AS d WHERE d.id >= ${since}
    UNION SELECT r.user_id FROM watch.refusals AS r WHERE r.id >= ${since}`;
}
