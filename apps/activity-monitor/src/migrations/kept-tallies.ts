/**
 * The tally of a person's last disclosure of a measure, kept beside the log with what the next admission needs (ADR 37): it finds in one
 * row by key what it would have to look up in five places, and changes that row in place. Written in the transaction of the disclosure,
 * under the lock of the viewer, and not logged: after a crash there is none, and the first admission reads the log.
 *
 * The log stays the counter. A kept tally is a copy of what the last row of the log says, is never made but from one, and goes with any
 * change of the log or a hold; the self-check compares the two.
 */
export const KEPT_TALLIES = `
CREATE UNLOGGED TABLE watch.kept_tallies (
  user_id uuid NOT NULL,
  measure text NOT NULL,
  -- The version it was kept under: whoever's standing, rights or limits changed since, the row is not looked at.
  authz_version bigint NOT NULL,
  is_admin boolean NOT NULL,
  epoch integer NOT NULL,
  is_distinct boolean NOT NULL,
  -- The last disclosure. What comes at that instant or before it, by a clock that was moved back, does not go on from here.
  last_at timestamptz NOT NULL,
  -- From here on the tallies begin too early to be gone on from.
  until timestamptz NOT NULL,
  -- As in the log; and the count at which there is something to say, as in watch.person_limits. All null where there is no limit.
  hour_eve timestamptz,
  hour_count integer,
  hour_near integer,
  day_eve timestamptz,
  day_count integer,
  day_near integer,
  PRIMARY KEY (user_id, measure)
) WITH (fillfactor = 50);
REVOKE ALL ON watch.kept_tallies FROM PUBLIC;

-- Until when a tally made at p_at can be gone on from: as watch.window_count has it, or somewhat earlier.
CREATE FUNCTION watch.tally_until(p_window text, p_windowing text, p_zone text, p_at timestamptz, p_eve timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
  v_length interval := CASE p_window WHEN 'hour' THEN interval '1 hour' ELSE interval '24 hours' END;
  -- Where zones are whole quarters of an hour from UTC no window ends within one; where they are not, the window's own eve tells.
  v_quarter timestamptz := date_bin('15 minutes', p_at, 'epoch') + interval '15 minutes';
BEGIN
  IF p_windowing = 'rolling' THEN RETURN p_eve + v_length + v_length / 16; END IF;
  RETURN CASE WHEN watch.window_eve(p_window, p_windowing, p_zone, p_at)
    = watch.window_eve(p_window, p_windowing, p_zone, v_quarter - interval '1 microsecond') THEN v_quarter ELSE p_at END;
END $$;

-- Keeps the tally of a person's last disclosure, if there is one to go on from far from any limit, and none otherwise. The sum of openings
-- has tallies of its own, over three measures: who has a limit on it has none kept. To be called under the lock of the viewer.
CREATE FUNCTION watch.keep_tally(p_viewer uuid, p_measure text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  INSERT INTO watch.kept_tallies (user_id, measure, authz_version, is_admin, epoch, is_distinct, last_at, until,
    hour_eve, hour_count, hour_near, day_eve, day_count, day_near)
  SELECT l.user_id, l.measure, l.authz_version, p.is_admin, p.epoch, l.is_distinct, d.at,
    least(CASE WHEN l.near[1] IS NULL THEN 'infinity' ELSE watch.tally_until('hour', l.windowing, l.zone, d.at, d.hour_eve) END,
      CASE WHEN l.near[2] IS NULL THEN 'infinity' ELSE watch.tally_until('day', l.windowing, l.zone, d.at, d.day_eve) END),
    d.hour_eve, d.hour_count, l.near[1], d.day_eve, d.day_count, l.near[2]
  FROM watch.person_limits AS l
  JOIN read.security AS s ON s.authz_version = l.authz_version
  JOIN read.principals AS p ON p.user_id = l.user_id AND p.status = 'active'
  CROSS JOIN LATERAL (
    SELECT x.at, x.tally_distinct, x.hour_eve, x.hour_count, x.day_eve, x.day_count FROM watch.disclosures AS x
    WHERE x.user_id = l.user_id AND x.epoch = p.epoch AND x.measure = l.measure ORDER BY x.at DESC LIMIT 1
  ) AS d
  WHERE l.user_id = p_viewer AND l.measure = p_measure AND l.near[3] IS NULL AND l.near[4] IS NULL
    AND d.tally_distinct = l.is_distinct
    AND CASE WHEN l.near[1] IS NULL THEN d.hour_count IS NULL ELSE d.hour_count < l.near[1] END
    AND CASE WHEN l.near[2] IS NULL THEN d.day_count IS NULL ELSE d.day_count < l.near[2] END
    AND NOT EXISTS (SELECT FROM watch.holds AS h WHERE h.user_id = l.user_id AND h.epoch = p.epoch)
  ON CONFLICT (user_id, measure) DO UPDATE SET authz_version = excluded.authz_version, is_admin = excluded.is_admin,
    epoch = excluded.epoch, is_distinct = excluded.is_distinct, last_at = excluded.last_at, until = excluded.until,
    hour_eve = excluded.hour_eve, hour_count = excluded.hour_count, hour_near = excluded.hour_near,
    day_eve = excluded.day_eve, day_count = excluded.day_count, day_near = excluded.day_near;
  IF NOT FOUND THEN DELETE FROM watch.kept_tallies AS k WHERE k.user_id = p_viewer AND k.measure = p_measure; END IF;
END $$;

-- Whoever is held, or whose past is changed by hand, is weighed anew.
CREATE FUNCTION watch.forget_tallies() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  DELETE FROM watch.kept_tallies AS k WHERE k.user_id IN (NEW.user_id, OLD.user_id);
  RETURN NULL;
END $$;
CREATE TRIGGER forget_tallies AFTER INSERT ON watch.holds FOR EACH ROW EXECUTE FUNCTION watch.forget_tallies();
-- Not of named_contacts, which is noted of a disclosure afterwards and counts nothing.
CREATE TRIGGER forget_tallies AFTER DELETE OR UPDATE OF at, user_id, epoch, measure, subject_ids, amount, tally_distinct, hour_eve,
  hour_count, day_eve, day_count ON watch.disclosures FOR EACH ROW EXECUTE FUNCTION watch.forget_tallies();
-- Of a tool: the gate gives a tally to each.
CREATE TRIGGER forget_tallies_written AFTER INSERT ON watch.disclosures FOR EACH ROW WHEN (NEW.tally_distinct IS NULL)
  EXECUTE FUNCTION watch.forget_tallies();

-- As before, and of tallies kept those that are not what the last row of the log says.
CREATE OR REPLACE FUNCTION watch.wrong_tallies(p_user uuid)
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
  WHERE p.user_id = p_user AND d.tally_distinct IS NOT NULL AND t.tally IS NOT NULL AND t.tally <> c.count
  UNION ALL
  SELECT k.measure, t."window", t.tally, t.logged::bigint
  FROM watch.kept_tallies AS k
  JOIN read.security AS s ON s.authz_version = k.authz_version
  LEFT JOIN LATERAL (
    SELECT x.* FROM watch.disclosures AS x
    WHERE x.user_id = k.user_id AND x.epoch = k.epoch AND x.measure = k.measure ORDER BY x.at DESC LIMIT 1
  ) AS d ON true
  CROSS JOIN LATERAL (VALUES ('hour', k.hour_count, d.hour_count), ('day', k.day_count, d.day_count)) AS t("window", tally, logged)
  WHERE k.user_id = p_user AND (t.tally IS DISTINCT FROM t.logged OR k.last_at IS DISTINCT FROM d.at);
END $$;

-- What was watch.admit decides whatever is not plain; it runs with the rights and settings of who calls it.
ALTER FUNCTION watch.admit(uuid, text, text, text, uuid[], uuid, uuid, uuid, text, boolean) RENAME TO weigh;
ALTER FUNCTION watch.weigh(uuid, text, text, text, uuid[], uuid, uuid, uuid, text, boolean) SECURITY INVOKER RESET ALL;
REVOKE ALL ON FUNCTION watch.weigh(uuid, text, text, text, uuid[], uuid, uuid, uuid, text, boolean) FROM palisade_gateway, palisade_core;

-- Decides and records in one transaction, under the lock of the viewer, by the database's clock; needs READ COMMITTED. Far from any limit,
-- by the tally that was kept, in one statement; what that does not decide is weighed.
CREATE FUNCTION watch.admit(
  p_viewer uuid, p_measure text, p_kind text, p_subject_type text, p_subjects uuid[], p_request uuid,
  p_session uuid, p_token uuid, p_ip text, p_masked boolean
) RETURNS watch.admission
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, watch, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_amount integer;
  v_at timestamptz;
  v_answer watch.admission;
BEGIN
  IF current_setting('transaction_isolation') = 'read committed' AND pg_try_advisory_xact_lock(7301, uuid_hash(p_viewer))
    AND watch.is_askable(p_viewer, p_measure, p_kind, p_subject_type, p_subjects, p_request, p_masked)
  THEN
    v_at := clock_timestamp();
    v_amount := CASE p_measure WHEN 'phone.lookedUp' THEN 1 ELSE cardinality(p_subjects) END;
    WITH counted AS (
      UPDATE watch.kept_tallies AS k SET (last_at, hour_count, day_count) = (
        SELECT v_at, k.hour_count + CASE WHEN seen.at > k.hour_eve THEN 0 ELSE v_amount END,
          k.day_count + CASE WHEN seen.at > k.day_eve THEN 0 ELSE v_amount END
        FROM (SELECT (
          SELECT x.at FROM watch.disclosures AS x
          WHERE k.is_distinct AND k.until < 'infinity' AND x.user_id = k.user_id AND x.epoch = k.epoch AND x.subject_id = p_subjects[1]
            AND x.measure = k.measure AND x.measure IN ('deal.opened', 'contact.opened', 'company.opened')
          ORDER BY x.at DESC LIMIT 1
        ) AS at OFFSET 0) AS seen)
      WHERE k.user_id = p_viewer AND k.measure = p_measure AND v_amount > 0
        AND k.authz_version = (SELECT s.authz_version FROM read.security AS s) AND k.last_at < v_at AND v_at < k.until
        AND (k.hour_count + v_amount < k.hour_near) IS NOT FALSE AND (k.day_count + v_amount < k.day_near) IS NOT FALSE
        AND (SELECT x.request_id FROM watch.disclosures AS x WHERE x.request_id = p_request LIMIT 1) IS NULL
        AND (SELECT x.request_id FROM watch.refusals AS x WHERE x.request_id = p_request LIMIT 1) IS NULL
      RETURNING k.*
    ), recorded AS (
      INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked,
        request_id, session_id, token_id, ip, tally_distinct, hour_eve, hour_count, day_eve, day_count)
      SELECT uuidv7(), v_at, c.user_id, c.is_admin, c.epoch, c.measure, p_kind, p_subject_type, p_subjects, v_amount, p_masked,
        p_request, p_session, p_token, p_ip, c.is_distinct, c.hour_eve, c.hour_count, c.day_eve, c.day_count
      FROM counted AS c
      RETURNING id
    )
    INSERT INTO watch.outbox_queue (id) SELECT r.id FROM recorded AS r;
    IF FOUND THEN RETURN ('admitted', NULL, NULL, NULL, NULL, NULL, NULL)::watch.admission; END IF;
  END IF;
  v_answer := watch.weigh(p_viewer, p_measure, p_kind, p_subject_type, p_subjects, p_request, p_session, p_token, p_ip, p_masked);
  -- What was recorded was recorded under the lock, and then it is his: only a repeated request is answered without it.
  IF v_answer.decision = 'admitted' AND pg_try_advisory_xact_lock(7301, uuid_hash(p_viewer)) THEN
    PERFORM watch.keep_tally(p_viewer, p_measure);
  END IF;
  RETURN v_answer;
END $$;
GRANT EXECUTE ON FUNCTION watch.admit(uuid, text, text, text, uuid[], uuid, uuid, uuid, text, boolean) TO palisade_gateway, palisade_core;
`;
