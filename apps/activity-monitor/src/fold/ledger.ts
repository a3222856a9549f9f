import { sql, type Transaction } from 'kysely';
import { watchEventSchema, type WatchEvent } from '#contracts';

/** An event of something shown, with all of its subjects and what it counts. */
export interface Disclosed {
  readonly event: WatchEvent;
  readonly subjectIds: readonly string[];
  readonly amount: number;
}

/** What became of events that were asked for by their ids. */
export interface TakenEvents {
  /** Those never folded before, each once, as the log has them. */
  readonly fresh: readonly WatchEvent[];
  /** Ids of which the log has nothing. */
  readonly unknown: readonly string[];
}

/**
 * Reads events from the disclosure log and marks as folded those that were not. What a message says of an event is never asked: whoever
 * publishes on the broker could say anything, or take the place of a true event with its id. The lock of a row keeps a second fold
 * waiting; in the order of their ids, as everybody: two that fold the same events then wait for each other one way only.
 */
export async function takeFromLog(trx: Transaction<unknown>, ids: readonly string[]): Promise<TakenEvents> {
  const { rows } = await sql<{ id: string; event: unknown }>`
    WITH logged AS MATERIALIZED (
      SELECT d.id, watch.event_of(d) AS event FROM watch.disclosures AS d WHERE d.id = ANY (${ids}::uuid[])
      UNION ALL
      SELECT r.id, watch.event_of(r) FROM watch.refusals AS r WHERE r.id = ANY (${ids}::uuid[])
    ), taken AS (
      INSERT INTO monitor.folded (event_id) SELECT id FROM logged ORDER BY id ON CONFLICT DO NOTHING RETURNING event_id
    )
    SELECT l.id, CASE WHEN t.event_id IS NOT NULL THEN l.event END AS event
    FROM logged AS l LEFT JOIN taken AS t ON t.event_id = l.id`.execute(trx);
  const known = new Set(rows.map(({ id }) => id));
  return {
    fresh: rows.flatMap(({ event }) => (event === null ? [] : [watchEventSchema.parse(event)])),
    unknown: [...new Set(ids)].filter((id) => !known.has(id.toLowerCase())),
  };
}

/** The subjects that an event left to the disclosure log because they were too many for a message. */
export async function subjectsFromLog(trx: Transaction<unknown>, ids: readonly string[]): Promise<ReadonlyMap<string, string[]>> {
  if (ids.length === 0) return new Map();
  const { rows } = await sql<{ id: string; subject_ids: string[] }>`
    SELECT id, subject_ids FROM watch.disclosures WHERE id = ANY (${ids}::uuid[])`.execute(trx);
  return new Map(rows.map((row) => [row.id, row.subject_ids]));
}

/**
 * Adds to the exposure ledger: a row for each subject of each disclosure, and for each contact that a deal named. Each once: an event that was
 * folded before does not come here again, so nothing is asked of the ledger itself, which would cost a look and a lock for every row.
 */
export async function addExposure(trx: Transaction<unknown>, disclosed: readonly Disclosed[]): Promise<void> {
  const months = new Set(disclosed.map(({ event }) => event.at.slice(0, 7)));
  for (const month of months) await sql`SELECT monitor.ensure_exposure_partition(${`${month}-01T00:00:00Z`})`.execute(trx);
  const events = JSON.stringify(disclosed.map(({ event }) => ({ ...event, subjectIds: undefined, limits: undefined })));
  const named = disclosed.map(({ event, subjectIds }) => {
    const shown = new Set(subjectIds);
    return { event, subjectIds: [...new Set(event.namedContactIds)].filter((id) => !shown.has(id)) };
  });
  await sql`
    INSERT INTO monitor.exposure (at, disclosure_id, subject_id, subject_type, user_id, measure, kind, masked, ip, session_id, token_id)
    SELECT e.at, e.id, s.subject_id, coalesce(s.subject_type, e."subjectType"), e."userId", e.measure, e.kind, e.masked, e.ip, e."sessionId", e."tokenId"
    FROM jsonb_to_recordset(${events}::jsonb) AS e(id uuid, at timestamptz, "userId" uuid, measure text, kind text,
      "subjectType" text, masked boolean, ip text, "sessionId" uuid, "tokenId" uuid)
    JOIN (
      SELECT s.event_id, s.subject_id, NULL AS subject_type FROM ${subjectRows(disclosed)}
      UNION ALL
      SELECT s.event_id, s.subject_id, 'contact' FROM ${subjectRows(named)}
    ) AS s ON s.event_id = e.id`.execute(trx);
}

/** Adds to the calendar buckets, hour and day, in the company's time zone; an opening also to those of `card.opened`. */
export async function addToWindows(trx: Transaction<unknown>, disclosed: readonly Disclosed[]): Promise<void> {
  const events = JSON.stringify(
    disclosed.map(({ event, amount }) => ({ id: event.id, at: event.at, user: event.userId, measure: event.measure, amount })),
  );
  await sql`
    WITH zone AS (SELECT coalesce((SELECT settings->>'timeZone' FROM read.security), 'UTC') AS name),
    bucketed AS (
      SELECT e.*, w."window", watch.window_start(w."window", 'calendar', zone.name, e.at) AS bucket_start
      FROM jsonb_to_recordset(${events}::jsonb) AS e(id uuid, at timestamptz, "user" uuid, measure text, amount integer)
      CROSS JOIN (VALUES ('hour'), ('day')) AS w("window") CROSS JOIN zone
    ),
    seen AS (
      INSERT INTO monitor.window_subjects (user_id, measure, "window", bucket_start, subject_id)
      SELECT DISTINCT b."user", b.measure, b."window", b.bucket_start, s.subject_id
      FROM bucketed AS b JOIN ${subjectRows(disclosed)} ON s.event_id = b.id
      ON CONFLICT DO NOTHING
      RETURNING user_id, measure, "window", bucket_start
    ),
    counted AS (
      SELECT "user" AS user_id, measure, "window", bucket_start, amount AS opens, 0 AS fresh FROM bucketed
      UNION ALL
      SELECT user_id, measure, "window", bucket_start, 0, 1 FROM seen
    )
    INSERT INTO monitor.windows AS w (user_id, measure, "window", bucket_start, opens, distinct_subjects)
    SELECT c.user_id, m.measure, c."window", c.bucket_start, sum(c.opens), sum(c.fresh)
    FROM counted AS c
    CROSS JOIN LATERAL (
      SELECT c.measure
      UNION ALL SELECT 'card.opened' WHERE c.measure IN ('deal.opened', 'contact.opened', 'company.opened')
    ) AS m(measure)
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (user_id, measure, "window", bucket_start)
    DO UPDATE SET opens = w.opens + excluded.opens, distinct_subjects = w.distinct_subjects + excluded.distinct_subjects`.execute(
    trx,
  );
}

function subjectRows(disclosed: readonly Pick<Disclosed, 'event' | 'subjectIds'>[]) {
  const eventIds = disclosed.flatMap(({ event, subjectIds }) => subjectIds.map(() => event.id));
  const subjectIds = disclosed.flatMap((one) => one.subjectIds);
  return sql`unnest(${eventIds}::uuid[], ${subjectIds}::uuid[]) AS s(event_id, subject_id)`;
}
