import { sql, type Kysely } from 'kysely';
import { MEASURES, type SecuritySettings } from '#contracts';
import type { Peak } from './suggestion.rules.js';

const OPENINGS = ['deal.opened', 'contact.opened', 'company.opened'];

/** The most that each of these people had within any one window since an instant, counted as the gate counts by these settings. */
export function peaksSince(
  db: Kysely<unknown>,
  userIds: readonly string[],
  since: Date,
  { windowing, counting }: Pick<SecuritySettings['activityMonitoring'], 'windowing' | 'counting'>,
): Promise<readonly Peak[]> {
  return windowing === 'rolling'
    ? rollingPeaks(db, userIds, since, counting === 'distinct')
    : calendarPeaks(db, userIds, since, counting === 'distinct');
}

/**
 * A rolling window (t - length, t] is fullest at one of its disclosures. A disclosure comes in at its instant and leaves a length
 * later; of distinct cards one that is opened again before it left stays. What is inside at each instant is a running sum of both. A
 * window begins anew with an epoch.
 */
async function rollingPeaks(
  db: Kysely<unknown>,
  userIds: readonly string[],
  since: Date,
  distinct: boolean,
): Promise<readonly Peak[]> {
  const { rows } = await sql<Peak>`
    WITH counted AS (
      SELECT d.user_id, d.epoch, d.at, m.measure, CASE WHEN d.measure = ANY (${OPENINGS}::text[]) AND ${distinct} THEN d.subject_id END AS card,
        CASE WHEN d.measure = ANY (${OPENINGS}::text[]) THEN 1 ELSE d.amount END AS amount
      FROM watch.disclosures AS d
      CROSS JOIN LATERAL (
        SELECT d.measure UNION ALL SELECT 'card.opened' WHERE d.measure = ANY (${OPENINGS}::text[])
      ) AS m(measure)
      WHERE d.user_id = ANY (${userIds}::uuid[]) AND d.at >= ${since}::timestamptz - interval '24 hours'
    ),
    neighbours AS (
      SELECT *, lag(at) OVER card AS before, lead(at) OVER card AS after FROM counted
      WINDOW card AS (PARTITION BY user_id, epoch, measure, card ORDER BY at)
    ),
    steps AS (
      SELECT n.user_id, n.epoch, n.measure, w."window", s.at, s.step
      FROM neighbours AS n CROSS JOIN (VALUES ('hour', interval '60 minutes'), ('day', interval '24 hours')) AS w("window", length)
      CROSS JOIN LATERAL (
        SELECT n.at, n.amount AS step WHERE n.card IS NULL OR n.before IS NULL OR n.before + w.length <= n.at
        UNION ALL
        SELECT n.at + w.length, -n.amount WHERE n.card IS NULL OR n.after IS NULL OR n.after >= n.at + w.length
      ) AS s
    ),
    inside AS (
      SELECT user_id, measure, "window", sum(step) OVER (
        PARTITION BY user_id, epoch, measure, "window" ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS count
      FROM steps
    )
    SELECT user_id AS "userId", measure, "window", max(count)::bigint AS max FROM inside GROUP BY 1, 2, 3`.execute(db);
  return rows;
}

/** Calendar windows are the buckets that are folded anyway. One that a reactivation has cut in two counts as a whole: never less. */
async function calendarPeaks(
  db: Kysely<unknown>,
  userIds: readonly string[],
  since: Date,
  distinct: boolean,
): Promise<readonly Peak[]> {
  const { rows } = await sql<Peak>`
    SELECT p.user_id AS "userId", m.measure, w."window", b.max
    FROM unnest(${userIds}::uuid[]) AS p(user_id) CROSS JOIN unnest(${[...MEASURES]}::text[]) AS m(measure) CROSS JOIN (VALUES ('hour'), ('day')) AS w("window")
    CROSS JOIN LATERAL (
      SELECT max(CASE WHEN ${distinct} AND m.measure LIKE '%.opened' THEN distinct_subjects ELSE opens END) AS max
      FROM monitor.windows AS b
      WHERE b.user_id = p.user_id AND b.measure = m.measure AND b."window" = w."window" AND b.bucket_start >= ${since}
    ) AS b
    WHERE b.max IS NOT NULL`.execute(db);
  return rows;
}
