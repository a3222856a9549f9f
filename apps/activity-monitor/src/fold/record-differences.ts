import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { LimitWindow } from '#contracts';
import { earliestIdOf } from '#kernel';

/** How far the time in a row's id may lie from the row's own: the longest transaction of the gate, with room. */
const OVERLAP_MS = 600_000;

export type Compared = 'tallies' | 'windows' | 'ledger';
export interface Difference {
  readonly what: Compared;
  readonly userId: string;
}

/** What is compared: of people in these partitions what was shown from `since` until before `until`, both where a window begins. */
export interface Span {
  readonly partitions: readonly number[];
  readonly zone: string;
  readonly since: Date;
  readonly until: Date;
}

/** Whose windows, hourly or daily, do not say what the disclosure log does. */
export async function windowDifferences(db: Kysely<unknown>, span: Span, window: LimitWindow): Promise<readonly Difference[]> {
  const { partitions, zone, since, until } = span;
  const { rows } = await sql<Difference>`
    WITH shown AS MATERIALIZED (${shownIn(span)}), bucketed AS (
      SELECT d.user_id, m.measure, watch.window_start(${window}, 'calendar', ${zone}, d.at) AS bucket_start, d.amount, d.subject_ids
      FROM shown AS d
      CROSS JOIN LATERAL (SELECT d.measure UNION ALL SELECT 'card.opened' WHERE d.measure LIKE '%.opened') AS m(measure)
    ), opens AS (
      SELECT user_id, measure, bucket_start, sum(amount)::bigint AS opens FROM bucketed GROUP BY 1, 2, 3
    ), subjects AS (
      SELECT b.user_id, b.measure, b.bucket_start, count(DISTINCT s.id) AS distinct_subjects
      FROM bucketed AS b CROSS JOIN LATERAL unnest(b.subject_ids) AS s(id) GROUP BY 1, 2, 3
    ), counted AS (
      SELECT user_id, measure, bucket_start, opens, coalesce(distinct_subjects, 0) AS distinct_subjects
      FROM opens LEFT JOIN subjects USING (user_id, measure, bucket_start)
    ), kept AS (
      SELECT w.user_id, w.measure, w.bucket_start, w.opens, w.distinct_subjects FROM monitor.windows AS w
      WHERE w."window" = ${window} AND w.bucket_start >= ${since} AND w.bucket_start < ${until}
        AND monitor.partition_of(w.user_id) = ANY (${partitions}::integer[])
    )
    SELECT DISTINCT 'windows' AS what, coalesce(c.user_id, k.user_id) AS "userId"
    FROM counted AS c FULL JOIN kept AS k USING (user_id, measure, bucket_start)
    WHERE (c.opens, c.distinct_subjects) IS DISTINCT FROM (k.opens, k.distinct_subjects) ORDER BY 2`.execute(db);
  return rows;
}

/** Whose ledger does not say what the log does: rows that are missing, that say something else, or of what was never shown. */
export async function ledgerDifferences(db: Kysely<unknown>, span: Span): Promise<readonly Difference[]> {
  const { partitions, since, until } = span;
  const { rows } = await sql<Difference>`
    WITH shown AS MATERIALIZED (${shownIn(span)})
    SELECT 'ledger' AS what, d.user_id AS "userId" FROM shown AS d CROSS JOIN LATERAL (
      SELECT array_agg(e.subject_id ORDER BY e.subject_id) AS subjects,
        bool_and(e.user_id = d.user_id AND e.measure = d.measure AND e.kind = d.kind AND e.masked = d.masked
          AND (e.ip, e.session_id, e.token_id) IS NOT DISTINCT FROM (d.ip, d.session_id, d.token_id)
          AND (e.subject_type = d.subject_type OR (e.subject_type = 'contact' AND e.subject_id = ANY (d.named_contacts)))) AS alike
      FROM monitor.exposure AS e WHERE e.disclosure_id = d.id AND e.at = d.at
    ) AS e
    WHERE e.alike IS FALSE OR e.subjects IS DISTINCT FROM (
      SELECT array_agg(DISTINCT s.id ORDER BY s.id) FROM unnest(d.subject_ids || d.named_contacts) AS s(id))
    UNION
    SELECT 'ledger', e.user_id FROM monitor.exposure AS e
    WHERE e.at >= ${since} AND e.at < ${until} AND monitor.partition_of(e.user_id) = ANY (${partitions}::integer[])
      AND NOT EXISTS (SELECT FROM watch.disclosures AS d WHERE d.id = e.disclosure_id AND d.at = e.at)
    ORDER BY 2`.execute(db);
  return rows;
}

/** Whose tallies, of a measure or of all openings together, do not say what the log does: those that the gate would go on from. */
export async function tallyDifferences(db: Kysely<unknown>, span: Span): Promise<readonly Difference[]> {
  const { rows } = await sql<Difference>`
    WITH people AS MATERIALIZED (SELECT DISTINCT d.user_id FROM (${shownIn(span)}) AS d)
    SELECT 'tallies' AS what, u.user_id AS "userId" FROM people AS u CROSS JOIN LATERAL watch.wrong_tallies(u.user_id)
    UNION
    SELECT 'tallies', p.user_id
    FROM people AS u JOIN read.principals AS p ON p.user_id = u.user_id
    CROSS JOIN LATERAL (
      SELECT x.* FROM watch.disclosures AS x
      WHERE x.user_id = p.user_id AND x.epoch = p.epoch AND x.measure = ANY ('{deal.opened,contact.opened,company.opened}')
      ORDER BY x.at DESC LIMIT 1
    ) AS d
    JOIN read.security AS s ON s.authz_version = d.cards_version
    CROSS JOIN LATERAL (VALUES (d.cards_hour_count, d.cards_hour_eve), (d.cards_day_count, d.cards_day_eve)) AS t(tally, eve)
    CROSS JOIN LATERAL watch.counted(p.user_id, p.epoch, 'card.opened', t.eve, d.tally_distinct, NULL) AS c
    WHERE d.tally_distinct IS NOT NULL AND t.tally <> c.count
    ORDER BY 2`.execute(db);
  return rows;
}

function shownIn({ partitions, since, until }: Span): RawBuilder<unknown> {
  return sql`
    SELECT d.* FROM watch.disclosures AS d
    WHERE d.id >= ${earliestIdOf(since.getTime() - OVERLAP_MS)}::uuid AND d.at >= ${since} AND d.at < ${until}
      AND monitor.partition_of(d.user_id) = ANY (${partitions}::integer[])`;
}
