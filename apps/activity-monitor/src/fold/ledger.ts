import { sql, type Transaction } from 'kysely';
import type { GateEvent } from './gate-event.js';

/** What became of events that were asked for by their ids. */
export interface TakenEvents {
  /** Those never folded before, each once, as the log has them. */
  readonly disclosed: readonly GateEvent[];
  readonly refused: readonly GateEvent[];
  /** Ids of which the log has nothing. */
  readonly unknown: readonly string[];
}

type LoggedEvent = GateEvent & { readonly refused: boolean; readonly fresh: boolean };

/**
 * Reads events from the disclosure log and marks as folded those that were not. What a message says of an event is never asked: whoever
 * publishes on the broker could say anything, or take the place of a true event with its id. The lock of a row keeps a second fold
 * waiting; in the order of their ids, as everybody: two that fold the same events then wait for each other one way only.
 */
export async function takeFromLog(trx: Transaction<unknown>, ids: readonly string[]): Promise<TakenEvents> {
  const { rows } = await sql<LoggedEvent>`
    WITH logged AS MATERIALIZED (
      SELECT d.id, d.at, d.user_id, d.is_admin, d.epoch, d.measure, d.limits, NULL::jsonb AS cause, false AS held, false AS refused
      FROM watch.disclosures AS d WHERE d.id = ANY (${ids}::uuid[])
      UNION ALL
      SELECT r.id, r.at, r.user_id, r.is_admin, r.epoch, r.measure, NULL, r.cause, r.held, true
      FROM watch.refusals AS r WHERE r.id = ANY (${ids}::uuid[])
    ), taken AS (
      INSERT INTO monitor.folded (event_id) SELECT id FROM logged ORDER BY id ON CONFLICT DO NOTHING RETURNING event_id
    )
    SELECT l.id, watch.iso(l.at) AS at, l.user_id AS "userId", l.is_admin AS "isAdmin", l.epoch, l.measure,
      coalesce(l.limits, '[]') AS limits, l.cause AS "refusedBy", l.held, l.refused, t.event_id IS NOT NULL AS fresh
    FROM logged AS l LEFT JOIN taken AS t ON t.event_id = l.id ORDER BY l.at, l.id`.execute(trx);
  const known = new Set(rows.map(({ id }) => id));
  const fresh = rows.filter((row) => row.fresh);
  return {
    disclosed: fresh.filter(({ refused }) => !refused),
    refused: fresh.filter(({ refused }) => refused),
    unknown: [...new Set(ids)].filter((id) => !known.has(id.toLowerCase())),
  };
}

/**
 * Adds to the exposure ledger, from the log: a row for each subject of each disclosure, and for each contact that a deal named. Each once: an
 * event that was folded before does not come here again, so nothing is asked of the ledger itself, which would cost a look and a lock for
 * every row.
 */
export async function addExposure(trx: Transaction<unknown>, disclosed: readonly GateEvent[]): Promise<void> {
  const months = new Set(disclosed.map((event) => event.at.slice(0, 7)));
  for (const month of months) await sql`SELECT monitor.ensure_exposure_partition(${`${month}-01T00:00:00Z`})`.execute(trx);
  await sql`
    INSERT INTO monitor.exposure (at, disclosure_id, subject_id, subject_type, user_id, measure, kind, masked, ip, session_id, token_id)
    SELECT d.at, d.id, s.subject_id, coalesce(s.subject_type, d.subject_type), d.user_id, d.measure, d.kind, d.masked, d.ip, d.session_id, d.token_id
    FROM watch.disclosures AS d
    CROSS JOIN LATERAL (
      SELECT DISTINCT u.id AS subject_id, NULL AS subject_type FROM unnest(d.subject_ids) AS u(id)
      UNION ALL
      SELECT DISTINCT u.id, 'contact' FROM unnest(d.named_contacts) AS u(id) WHERE u.id <> ALL (d.subject_ids)
    ) AS s
    WHERE d.id = ANY (${idsOf(disclosed)}::uuid[])`.execute(trx);
}

/** Adds to the calendar buckets, hour and day, in the company's time zone; an opening also to those of `card.opened`. */
export async function addToWindows(trx: Transaction<unknown>, disclosed: readonly GateEvent[]): Promise<void> {
  await sql`
    WITH zone AS (SELECT coalesce((SELECT settings->>'timeZone' FROM read.security), 'UTC') AS name),
    bucketed AS (
      SELECT d.user_id, d.measure, d.amount, d.subject_ids, w."window",
        watch.window_start(w."window", 'calendar', zone.name, d.at) AS bucket_start
      FROM watch.disclosures AS d CROSS JOIN (VALUES ('hour'), ('day')) AS w("window") CROSS JOIN zone
      WHERE d.id = ANY (${idsOf(disclosed)}::uuid[])
    ),
    seen AS (
      INSERT INTO monitor.window_subjects (user_id, measure, "window", bucket_start, subject_id)
      SELECT DISTINCT b.user_id, b.measure, b."window", b.bucket_start, s.subject_id
      FROM bucketed AS b CROSS JOIN LATERAL unnest(b.subject_ids) AS s(subject_id)
      ON CONFLICT DO NOTHING
      RETURNING user_id, measure, "window", bucket_start
    ),
    counted AS (
      SELECT user_id, measure, "window", bucket_start, amount AS opens, 0 AS fresh FROM bucketed
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

function idsOf(events: readonly GateEvent[]): readonly string[] {
  return events.map(({ id }) => id);
}
