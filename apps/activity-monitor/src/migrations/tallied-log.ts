/**
 * The disclosure log with tallies (ADR 25): each row says what its viewer's windows counted with it in them, so that the next
 * admission goes on from there and does not read thousands of rows again. A tally is derived from the rows before it; a row without
 * one, or with one that is not valid any more, makes the next admission count anew.
 */
export const TALLIED_LOG = `
ALTER TABLE watch.disclosures
  -- Whether the tally counts distinct cards; null: there is none.
  ADD COLUMN tally_distinct boolean,
  -- Each tally counts what is later than its eve: the last instant before the window, or one not long before that. Of this measure, and
  -- of the three openings together; null where no limit asked for it.
  ADD COLUMN hour_eve timestamptz,
  ADD COLUMN hour_count integer,
  ADD COLUMN day_eve timestamptz,
  ADD COLUMN day_count integer,
  ADD COLUMN cards_hour_eve timestamptz,
  ADD COLUMN cards_hour_count integer,
  ADD COLUMN cards_day_eve timestamptz,
  ADD COLUMN cards_day_count integer,
  -- The authz version at which the openings together were counted: under another one some may have passed uncounted.
  ADD COLUMN cards_version bigint;

DROP INDEX watch.disclosures_counter;
CREATE INDEX disclosures_counter ON watch.disclosures (user_id, epoch, measure, at);
CREATE INDEX disclosures_card ON watch.disclosures (user_id, epoch, subject_id, at)
  WHERE measure IN ('deal.opened', 'contact.opened', 'company.opened');

-- The queue of what is to be published holds ids; the event is made when it is read. What stands in it from before has its payload.
ALTER TABLE watch.outbox RENAME TO outbox_queue;
ALTER TABLE watch.outbox_queue ALTER COLUMN payload DROP NOT NULL;
DROP INDEX watch.outbox_id;
CREATE VIEW watch.outbox AS
  SELECT q.seq, q.id, coalesce(q.payload,
    (SELECT watch.event_of(d) FROM watch.disclosures AS d WHERE d.id = q.id),
    (SELECT watch.event_of(r) FROM watch.refusals AS r WHERE r.id = q.id)) AS payload
  FROM watch.outbox_queue AS q;
REVOKE ALL ON watch.outbox_queue FROM palisade_gateway;
GRANT SELECT, DELETE ON watch.outbox TO palisade_gateway;
GRANT EXECUTE ON FUNCTION watch.iso(timestamptz), watch.event_of(watch.disclosures), watch.event_of(watch.refusals) TO palisade_gateway;

CREATE OR REPLACE FUNCTION watch.note_named(p_viewer uuid, p_request uuid, p_deal uuid, p_contacts uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, watch, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
  UPDATE watch.disclosures AS d SET named_contacts = p_contacts
  WHERE d.request_id = p_request AND d.user_id = p_viewer AND d.measure = 'deal.opened' AND d.subject_id = p_deal
    AND NOT d.named_contacts @> p_contacts;
END $$;

-- The last instant before the window that holds an instant, as before; in the language that costs least when called once.
CREATE OR REPLACE FUNCTION watch.window_eve(p_window text, p_windowing text, p_zone text, p_at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
  IF p_windowing = 'calendar' THEN RETURN watch.window_start(p_window, p_windowing, p_zone, p_at) - interval '1 microsecond'; END IF;
  RETURN watch.window_start(p_window, p_windowing, p_zone, p_at);
END $$;

-- What a person's disclosures of his present epoch count later than p_eve, and whether p_subject is among them (distinct openings only).
-- All of them, from the rows themselves: what a tally is held against.
CREATE OR REPLACE FUNCTION watch.counted(p_user uuid, p_epoch integer, p_measure text, p_eve timestamptz, p_distinct boolean, p_subject uuid,
  OUT count bigint, OUT seen boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
  v_measures text[] := CASE p_measure WHEN 'card.opened'
    THEN '{deal.opened,contact.opened,company.opened}'::text[] ELSE ARRAY[p_measure] END;
BEGIN
  IF p_distinct AND p_measure IN ('card.opened', 'deal.opened', 'contact.opened', 'company.opened') THEN
    SELECT count(DISTINCT d.subject_id), coalesce(bool_or(d.subject_id = p_subject), false) INTO count, seen
    FROM watch.disclosures AS d
    WHERE d.user_id = p_user AND d.epoch = p_epoch AND d.measure = ANY (v_measures) AND d.at > p_eve;
  ELSE
    SELECT coalesce(sum(d.amount), 0), false INTO count, seen
    FROM watch.disclosures AS d
    WHERE d.user_id = p_user AND d.epoch = p_epoch AND d.measure = ANY (v_measures) AND d.at > p_eve;
  END IF;
END $$;

-- What of a tally's count has left the window since: disclosures later than p_from and not later than p_to; of distinct cards those
-- that were not opened again later.
CREATE FUNCTION watch.expired(p_user uuid, p_epoch integer, p_measure text, p_from timestamptz, p_to timestamptz, p_distinct boolean)
RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
  v_measures text[] := CASE p_measure WHEN 'card.opened'
    THEN '{deal.opened,contact.opened,company.opened}'::text[] ELSE ARRAY[p_measure] END;
BEGIN
  IF NOT p_distinct THEN
    RETURN (SELECT coalesce(sum(d.amount), 0) FROM watch.disclosures AS d
            WHERE d.user_id = p_user AND d.epoch = p_epoch AND d.measure = ANY (v_measures) AND d.at > p_from AND d.at <= p_to);
  END IF;
  -- LIMIT 1 keeps one look-up by key for each card that left.
  RETURN (SELECT count(DISTINCT d.subject_id) FROM watch.disclosures AS d
          WHERE d.user_id = p_user AND d.epoch = p_epoch AND d.measure = ANY (v_measures) AND d.at > p_from AND d.at <= p_to
            AND (SELECT n.id FROM watch.disclosures AS n
                 WHERE n.user_id = p_user AND n.epoch = p_epoch AND n.subject_id = d.subject_id AND n.at > p_to
                   AND n.measure = ANY (v_measures) AND n.measure IN ('deal.opened', 'contact.opened', 'company.opened')
                 LIMIT 1) IS NULL);
END $$;

-- Tallies of a person's present epoch that are not what the log says, from his last row of each measure: those that are gone on from.
CREATE FUNCTION watch.wrong_tallies(p_user uuid)
RETURNS TABLE (measure text, "window" text, tally integer, counted bigint)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN QUERY
  SELECT t.measure, t."window", t.tally, c.count
  FROM read.principals AS p
  CROSS JOIN (SELECT DISTINCT x.measure FROM watch.disclosures AS x WHERE x.user_id = p_user AND x.at > now() - interval '26 hours') AS m
  CROSS JOIN LATERAL (
    SELECT x.* FROM watch.disclosures AS x
    WHERE x.user_id = p_user AND x.epoch = p.epoch AND x.measure = m.measure ORDER BY x.at DESC LIMIT 1
  ) AS d
  CROSS JOIN LATERAL (VALUES (d.measure, 'hour', d.hour_count, d.hour_eve), (d.measure, 'day', d.day_count, d.day_eve)) AS t(measure, "window", tally, eve)
  CROSS JOIN LATERAL watch.counted(p_user, p.epoch, t.measure, t.eve, d.tally_distinct, NULL) AS c
  WHERE p.user_id = p_user AND d.tally_distinct IS NOT NULL AND t.tally IS NOT NULL AND t.tally <> c.count;
END $$;
`;
