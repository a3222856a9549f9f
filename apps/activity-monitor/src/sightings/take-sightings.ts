import { sql, type Kysely, type Transaction } from 'kysely';
import { earliestIdOf } from '#kernel';
import { FAMILIAR_DAYS, HISTORY_DAYS } from '../baselines/figures.js';

/** Disclosures read at a time. */
const PAGE = 500;
/** Pages of one call, so that a long log does not keep everything else waiting. */
const PAGES = 40;
/** What is younger may still be uncommitted, before and behind of what is read. */
const YOUNGEST_MS = 1_000;
/** Far longer than a transaction of the gate takes: what commits late is found by a next call, and counted once. */
const OVERLAP_MS = 30_000;
const DAY_MS = 86_400_000;
/** At first so much of the log is read: what sums and their baselines need, and what made records familiar before. */
const FIRST_DAYS = FAMILIAR_DAYS + HISTORY_DAYS;

/**
 * Reads on in the disclosure log and notes which records were shown to whom: cards, numbers, look-ups, calls and exports. Rows of lists are
 * left out, they would make every record familiar; so are deletions and reassignments. Any instance may call it; while another is at it
 * nothing is done. Returns how many disclosures were read.
 */
export async function takeSightings(db: Kysely<unknown>): Promise<number> {
  let read = 0;
  for (let page = 0; page < PAGES; page += 1) {
    const inPage = await db.transaction().execute(takePage);
    read += inPage;
    if (inPage < PAGE) break;
  }
  return read;
}

async function takePage(trx: Transaction<unknown>): Promise<number> {
  const { rows } = await sql<{ until: Date | null; lastId: string | null; now: Date }>`
    SELECT read_until AS until, last_id AS "lastId", clock_timestamp() AS now FROM monitor.sighting_progress FOR UPDATE SKIP LOCKED`.execute(
    trx,
  );
  const [progress] = rows;
  if (progress === undefined) return 0;
  const newest = progress.now.getTime() - YOUNGEST_MS;
  const from = progress.until === null ? newest - FIRST_DAYS * DAY_MS : Math.min(progress.until.getTime(), newest);
  const page = await note(trx, progress.lastId ?? earliestIdOf(from), earliestIdOf(newest));
  // A full page ends within the log: the next begins behind its last. When all is read, the next call looks back.
  const lastId = page.disclosures === PAGE ? page.lastId : null;
  await sql`UPDATE monitor.sighting_progress SET read_until = ${new Date(newest - OVERLAP_MS)}, last_id = ${lastId}`.execute(trx);
  return page.disclosures;
}

/**
 * Notes a page. What a record was to a circle (familiar, or shown to it first that day) is told by the days before in the table and in
 * the page itself; a row that was there already counts nothing.
 */
async function note(
  trx: Transaction<unknown>,
  after: string,
  before: string,
): Promise<{ disclosures: number; lastId: string | null }> {
  const { rows } = await sql<{ disclosures: number; lastId: string | null }>`
    WITH zone AS (SELECT coalesce((SELECT settings->>'timeZone' FROM read.security), 'UTC') AS name),
    page AS (
      SELECT d.* FROM watch.disclosures AS d
      WHERE d.id > ${after}::uuid AND d.id < ${before}::uuid ORDER BY d.id LIMIT ${PAGE}
    ),
    shown AS (
      SELECT DISTINCT coalesce(p.department_id, d.user_id) AS circle_id, p.department_id, s.subject_id,
        (d.at AT TIME ZONE zone.name)::date AS day, d.user_id
      FROM page AS d CROSS JOIN zone LEFT JOIN read.principals AS p ON p.user_id = d.user_id
      CROSS JOIN LATERAL unnest(d.subject_ids || d.named_contacts) AS s(subject_id)
      WHERE d.measure <> ALL ('{list.rows,record.deleted,record.reassigned}')
    ),
    inserted AS (
      INSERT INTO monitor.sightings (circle_id, subject_id, day, user_id)
      SELECT circle_id, subject_id, day, user_id FROM shown ON CONFLICT DO NOTHING
      RETURNING circle_id, subject_id, day, user_id
    ),
    judged AS (
      SELECT i.*, s.department_id,
        row_number() OVER (PARTITION BY i.circle_id, i.subject_id, i.day ORDER BY i.user_id) = 1
          AND NOT EXISTS (SELECT FROM monitor.sightings AS t
            WHERE t.circle_id = i.circle_id AND t.subject_id = i.subject_id AND t.day = i.day) AS is_first,
        max(i.day) OVER (PARTITION BY i.circle_id, i.subject_id ORDER BY i.day
            RANGE BETWEEN ${sql.raw(String(FAMILIAR_DAYS))} * interval '1 day' PRECEDING AND interval '1 day' PRECEDING) IS NOT NULL
          OR EXISTS (SELECT FROM monitor.sightings AS t
            WHERE t.circle_id = i.circle_id AND t.subject_id = i.subject_id
              AND t.day >= i.day - ${FAMILIAR_DAYS}::integer AND t.day < i.day) AS is_familiar
      FROM inserted AS i JOIN shown AS s USING (circle_id, subject_id, day, user_id)
    ),
    counted AS (
      INSERT INTO monitor.sighting_days AS c (scope, id, day, familiar, unfamiliar)
      SELECT scope, id, day, count(*) FILTER (WHERE is_familiar), count(*) FILTER (WHERE NOT is_familiar)
      FROM (
        SELECT 'person' AS scope, user_id AS id, day, is_familiar FROM judged
        UNION ALL
        SELECT 'department', department_id, day, is_familiar FROM judged WHERE department_id IS NOT NULL AND is_first
      ) AS each GROUP BY 1, 2, 3
      ON CONFLICT (scope, id, day) DO UPDATE SET familiar = c.familiar + excluded.familiar, unfamiliar = c.unfamiliar + excluded.unfamiliar
    )
    SELECT count(*)::integer AS disclosures, (SELECT p.id FROM page AS p ORDER BY p.id DESC LIMIT 1) AS "lastId" FROM page`.execute(
    trx,
  );
  return rows[0] ?? { disclosures: 0, lastId: null };
}

/** Whether the log is read to its end: before that its newest days look as if little had been shown. */
export async function sightingsAreTaken(db: Kysely<unknown>): Promise<boolean> {
  const { rows } = await sql`SELECT FROM monitor.sighting_progress WHERE read_until IS NOT NULL AND last_id IS NULL`.execute(db);
  return rows.length > 0;
}

/** Forgets sightings that make no record familiar any more, and counts that no baseline reaches back to. */
export async function forgetOldSightings(db: Kysely<unknown>, today: string): Promise<void> {
  await sql`DELETE FROM monitor.sightings WHERE day < ${today}::date - ${FAMILIAR_DAYS + 1}::integer`.execute(db);
  await sql`DELETE FROM monitor.sighting_days WHERE day < ${today}::date - ${HISTORY_DAYS + 1}::integer`.execute(db);
}
