import { sql, type Kysely } from 'kysely';
import { earliestIdOf } from '#kernel';
import { raiseAlarms } from '../alarms/alarm-store.js';

/** So long after its end an hour is compared: by then the stream or the fill-in has brought what there was. */
const SETTLED_MS = 300_000;
/** How far the time in a row's id may lie from the row's own: the longest transaction of the gate, with room. */
const OVERLAP_MS = 600_000;
/** Persons named by alarms of one run. More say nothing more. */
const MOST_ALARMS = 20;

export type Compared = 'tallies' | 'windows' | 'ledger';
interface Difference {
  readonly what: Compared;
  readonly userId: string;
}

/**
 * Holds the gate's tallies, the windows and the ledger of people in these partitions against the disclosure log, for the hours that ended
 * since the last time; raises `records.differ` for whoever has a difference and repairs nothing, since what is wrong must be understood
 * first. Hours of another time zone than the present one are left out. Returns the differences.
 */
export async function checkAgainstLog(db: Kysely<unknown>, partitions: readonly number[]): Promise<readonly Difference[]> {
  if (partitions.length === 0) return [];
  const { zone, since, until } = await hoursToCompare(db, partitions);
  const differences = since === null || since >= until ? [] : await compare(db, partitions, zone, since, until);
  await db.transaction().execute(async (trx) => {
    await sql`
      INSERT INTO monitor.self_checks (name, checked_until)
      SELECT ${checkName(zone)} || p, ${until} FROM unnest(${partitions}::integer[]) AS p ORDER BY p
      ON CONFLICT (name) DO UPDATE SET checked_until = excluded.checked_until`.execute(trx);
    await raiseAlarms(
      trx,
      differences.slice(0, MOST_ALARMS).map(({ what, userId }) => ({
        key: `records.differ|${what}|${userId}|${until.toISOString()}`,
        alarm: {
          ...{ type: 'records.differ', severity: 'critical', at: until.toISOString(), userId },
          message: `The ${what} of one person are not what the disclosure log says of the hours before; nothing was changed.`,
        },
      })),
    );
  });
  return differences;
}

function checkName(zone: string): string {
  return `windows:${zone}:`;
}

async function hoursToCompare(
  db: Kysely<unknown>,
  partitions: readonly number[],
): Promise<{ zone: string; since: Date | null; until: Date }> {
  const { rows } = await sql<{ zone: string; since: Date | null; until: Date }>`
    SELECT z.zone, watch.window_start('hour', 'calendar', z.zone, clock_timestamp() - make_interval(secs => ${SETTLED_MS / 1_000})) AS until,
      (SELECT max(c.checked_until) FROM monitor.self_checks AS c, unnest(${partitions}::integer[]) AS p
       WHERE c.name = 'windows:' || z.zone || ':' || p) AS since
    FROM (SELECT coalesce((SELECT settings->>'timeZone' FROM read.security), 'UTC') AS zone) AS z`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('the clock was not read');
  return row;
}

async function compare(
  db: Kysely<unknown>,
  partitions: readonly number[],
  zone: string,
  since: Date,
  until: Date,
): Promise<readonly Difference[]> {
  const { rows } = await sql<Difference>`
    WITH shown AS MATERIALIZED (
      SELECT d.* FROM watch.disclosures AS d
      WHERE d.id >= ${earliestIdOf(since.getTime() - OVERLAP_MS)}::uuid AND d.at >= ${since} AND d.at < ${until}
        AND monitor.partition_of(d.user_id) = ANY (${partitions}::integer[])
    ), hours AS (
      SELECT d.user_id, m.measure, watch.window_start('hour', 'calendar', ${zone}, d.at) AS bucket_start, d.id, d.amount, d.subject_ids
      FROM shown AS d
      CROSS JOIN LATERAL (SELECT d.measure UNION ALL SELECT 'card.opened' WHERE d.measure LIKE '%.opened') AS m(measure)
    ), counted AS (
      SELECT h.user_id, h.measure, h.bucket_start, sum(h.amount)::bigint AS opens,
        (SELECT count(DISTINCT s.id) FROM hours AS o CROSS JOIN LATERAL unnest(o.subject_ids) AS s(id)
         WHERE o.user_id = h.user_id AND o.measure = h.measure AND o.bucket_start = h.bucket_start) AS distinct_subjects
      FROM hours AS h GROUP BY 1, 2, 3
    ), kept AS (
      SELECT w.user_id, w.measure, w.bucket_start, w.opens, w.distinct_subjects FROM monitor.windows AS w
      WHERE w."window" = 'hour' AND w.bucket_start >= ${since} AND w.bucket_start < ${until}
        AND monitor.partition_of(w.user_id) = ANY (${partitions}::integer[])
    )
    SELECT 'windows' AS what, coalesce(c.user_id, k.user_id) AS "userId"
    FROM counted AS c FULL JOIN kept AS k USING (user_id, measure, bucket_start)
    WHERE (c.opens, c.distinct_subjects) IS DISTINCT FROM (k.opens, k.distinct_subjects)
    UNION
    SELECT 'ledger', d.user_id FROM shown AS d
    WHERE (SELECT count(DISTINCT s) FROM unnest(d.subject_ids || d.named_contacts) AS s)
      <> (SELECT count(*) FROM monitor.exposure AS e WHERE e.disclosure_id = d.id AND e.at = d.at)
    UNION
    SELECT 'tallies', u.user_id FROM (SELECT DISTINCT d.user_id FROM shown AS d) AS u CROSS JOIN LATERAL watch.wrong_tallies(u.user_id)
    ORDER BY 1, 2`.execute(db);
  return rows;
}
