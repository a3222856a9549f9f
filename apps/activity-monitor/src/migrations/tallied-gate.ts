/**
 * The gate, going on from the tally of the viewer's last disclosure (ADR 25). As before it decides and records in one transaction, under
 * a lock of the viewer, by the database's clock, and needs READ COMMITTED. What it costs does not grow with what a person was shown:
 * each look-up is one row by key, and what left a window is read once, by the next admission.
 *
 * Who was refused within the last minute is weighed first without the lock: what is committed by then is enough to refuse him, as counts
 * only grow by others' admissions, and a further refusal waits for nobody.
 */
export const TALLIED_GATE = `
-- Further attempts of who was refused within the last minute, one row each: nobody waits for another's. Unlogged: they are a figure, and
-- a crash may lose the last of it. The monitor adds them up.
CREATE UNLOGGED TABLE watch.further_refusals (refusal_id uuid NOT NULL);
REVOKE ALL ON watch.further_refusals FROM PUBLIC;
CREATE FUNCTION watch.add_up_refusals() RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  WITH gone AS (DELETE FROM watch.further_refusals RETURNING refusal_id),
  counted AS (SELECT refusal_id, count(*)::integer AS count FROM gone GROUP BY refusal_id)
  UPDATE watch.refusals AS r SET further = r.further + c.count FROM counted AS c WHERE r.id = c.refusal_id;
END $$;

-- Records a refusal: the one that held and the first of a person in a minute with an event, the others as a number.
CREATE OR REPLACE FUNCTION watch.refuse(p watch.refusals) RETURNS watch.admission
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  v_recent uuid;
BEGIN
  FOR v_look IN 1..2 LOOP
    EXIT WHEN p.held;
    SELECT r.id INTO v_recent FROM watch.refusals AS r
    WHERE r.user_id = p.user_id AND r.at > p.at - interval '1 minute' ORDER BY r.at DESC LIMIT 1;
    EXIT WHEN FOUND;
    -- None yet: look again under the lock, so that of many at once only one is the first.
    PERFORM watch.lock_viewer(p.user_id);
  END LOOP;
  IF v_recent IS NOT NULL THEN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO watch.further_refusals (refusal_id) VALUES (v_recent);
  ELSE
    INSERT INTO watch.refusals SELECT (p).*;
    INSERT INTO watch.outbox_queue (id) VALUES (p.id);
  END IF;
  RETURN ('refused', p.cause->>'measure', p.cause->>'window', p.cause->>'action',
          (p.cause->>'max')::integer, (p.cause->>'count')::integer, p.at)::watch.admission;
END $$;

CREATE TYPE watch.tally AS (eve timestamptz, count bigint, adds integer);

-- What was counted later than an eve, for a window that begins at p_eve: from the tally of the last row, if there is a valid one, else
-- from all rows. The tally's own eve may be some way before the window's: then it counts too much, which is enough to know while that is
-- far from any limit. It is brought up to the window when p_near is reached, or when a sixteenth of the window has passed since.
CREATE FUNCTION watch.window_count(p_user uuid, p_epoch integer, p_measure text, p_distinct boolean, p_amount integer, p_near integer,
  p_eve timestamptz, p_length interval, p_last timestamptz, p_tally_eve timestamptz, p_tally bigint, p_seen_at timestamptz)
RETURNS watch.tally
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
  v_eve timestamptz := p_tally_eve;
  v_count bigint := p_tally;
BEGIN
  IF v_count IS NULL OR v_eve IS NULL OR v_eve > p_eve THEN
    -- No tally, or one that begins later.
    v_eve := p_eve;
    v_count := CASE WHEN p_last > p_eve
      THEN (SELECT c.count FROM watch.counted(p_user, p_epoch, p_measure, p_eve, p_distinct, NULL) AS c) ELSE 0 END;
  ELSIF v_eve < p_eve - p_length / 16 OR v_count + p_amount >= p_near THEN
    v_count := CASE WHEN p_last > p_eve THEN v_count - watch.expired(p_user, p_epoch, p_measure, v_eve, p_eve, p_distinct) ELSE 0 END;
    v_eve := p_eve;
  END IF;
  RETURN (v_eve, v_count, CASE WHEN p_distinct AND p_seen_at > v_eve THEN 0 ELSE p_amount END)::watch.tally;
END $$;

-- The limits of a slot of maxima that a count comes near, or passes: each with the count after it, and what is added.
CREATE FUNCTION watch.reached(p_limits watch.person_limits, p_slot integer, p_tally watch.tally) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  v_count bigint := p_tally.count + p_tally.adds;
  v_max integer;
  v_reached jsonb := '[]';
BEGIN
  FOR v_kind IN 1..3 LOOP
    v_max := p_limits.maxima[(p_slot - 1) * 3 + v_kind];
    -- 4/5 of the maximum, rounded up.
    CONTINUE WHEN v_max IS NULL OR v_count < (4 * v_max::bigint + 4) / 5;
    v_reached := v_reached || jsonb_build_object(
      'measure', CASE WHEN p_slot <= 2 THEN p_limits.measure ELSE 'card.opened' END,
      'window', CASE p_slot % 2 WHEN 1 THEN 'hour' ELSE 'day' END, 'action', ('{deactivate,refuse,alert}'::text[])[v_kind],
      'max', v_max, 'count', v_count, 'added', p_tally.adds);
  END LOOP;
  RETURN v_reached;
END $$;

-- Of the limits reached the one that refuses, if there is one: a deactivate before a refuse, then the smallest maximum. Its count is
-- the one before.
CREATE FUNCTION watch.refusing(p_reached jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
  RETURN (SELECT l - 'added' || jsonb_build_object('count', (l->>'count')::bigint - (l->>'added')::bigint)
          FROM jsonb_array_elements(p_reached) AS l
          WHERE l->>'action' <> 'alert' AND (l->>'added')::bigint > 0 AND (l->>'count')::bigint > (l->>'max')::bigint
          ORDER BY l->>'action', (l->>'max')::bigint, l->>'measure', l->>'window' LIMIT 1);
END $$;

-- Takes the tallies from rows that are later than now, or of now: what is recorded next sorts before them.
CREATE FUNCTION watch.drop_tallies(p_user uuid, p_epoch integer, p_measures text[], p_at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  UPDATE watch.disclosures AS d SET tally_distinct = NULL
  WHERE d.user_id = p_user AND d.epoch = p_epoch AND d.measure = ANY (p_measures) AND d.at >= p_at AND d.tally_distinct IS NOT NULL;
END $$;

-- Whether a look without the lock may be enough: he was refused within the last minute.
CREATE FUNCTION watch.was_refused(p_user uuid) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN EXISTS (SELECT FROM watch.refusals AS r WHERE r.user_id = p_user AND r.at > clock_timestamp() - interval '1 minute');
END $$;

CREATE OR REPLACE FUNCTION watch.admit(
  p_viewer uuid, p_measure text, p_kind text, p_subject_type text, p_subjects uuid[], p_request uuid,
  p_session uuid, p_token uuid, p_ip text, p_masked boolean
) RETURNS watch.admission
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, watch, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  c_admitted CONSTANT watch.admission := ('admitted', NULL, NULL, NULL, NULL, NULL, NULL)::watch.admission;
  c_inactive CONSTANT watch.admission := ('inactive', NULL, NULL, NULL, NULL, NULL, NULL)::watch.admission;
  c_refused CONSTANT watch.admission := ('refused', NULL, NULL, NULL, NULL, NULL, NULL)::watch.admission;
  v_opening boolean := p_measure IN ('deal.opened', 'contact.opened', 'company.opened');
  v_amount integer;
  v_held boolean;
  v_locked boolean;
  v_at timestamptz;
  v_of record;
  v_limits watch.person_limits;
  v_again record;
  v_last watch.disclosures;
  v_seen_at timestamptz;
  v_cards watch.disclosures;
  v_cards_seen_at timestamptz;
  v_hour_eve timestamptz;
  v_day_eve timestamptz;
  v_hour watch.tally;
  v_day watch.tally;
  v_cards_hour watch.tally;
  v_cards_day watch.tally;
  v_reached jsonb;
  v_cause jsonb;
  v_refusal watch.refusals;
  v_id uuid;
BEGIN
  IF p_viewer IS NULL OR p_request IS NULL OR p_masked IS NULL OR p_subjects IS NULL OR array_position(p_subjects, NULL) IS NOT NULL
    OR p_kind IS NULL OR (p_kind <> 'card'
      AND p_kind NOT IN ('row', 'reveal', 'lookup', 'call', 'export', 'history', 'deletion', 'reassignment'))
    OR p_subject_type IS NULL OR p_subject_type NOT IN ('contact', 'company', 'deal')
    OR p_measure IS NULL OR NOT (v_opening OR p_measure IN ('list.rows', 'phone.revealed', 'phone.lookedUp', 'call.placed',
                                                            'record.exported', 'record.deleted', 'record.reassigned'))
    OR (v_opening AND cardinality(p_subjects) <> 1)
  THEN RAISE EXCEPTION 'watch.admit: the arguments are not valid' USING ERRCODE = 'invalid_parameter_value'; END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'watch.admit needs READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
  END IF;
  v_amount := CASE WHEN v_opening OR p_measure = 'phone.lookedUp' THEN 1 ELSE cardinality(p_subjects) END;

  -- Whoever is held already is refused for the price of a look.
  v_held := EXISTS (SELECT FROM watch.holds AS h JOIN read.principals AS p ON p.user_id = h.user_id AND p.epoch = h.epoch
                    WHERE h.user_id = p_viewer);
  v_locked := NOT v_held AND pg_try_advisory_xact_lock(7301, uuid_hash(p_viewer));
  IF NOT v_locked AND NOT v_held AND NOT watch.was_refused(p_viewer) THEN
    PERFORM watch.lock_viewer(p_viewer);
    v_locked := true;
  END IF;
  -- Without the lock, in the first turn, nothing can be done but refuse.
  FOR v_turn IN (CASE WHEN v_locked THEN 2 ELSE 1 END)..2 LOOP
    IF v_turn = 2 AND NOT v_locked THEN
      PERFORM watch.lock_viewer(p_viewer);
      v_hour := NULL;
      v_day := NULL;
      v_cards := NULL;
      v_cards_hour := NULL;
      v_cards_day := NULL;
      v_reached := NULL;
    END IF;
    v_at := clock_timestamp();
    SELECT p.status, p.is_admin, p.epoch, s.authz_version, h.cause INTO v_of
    FROM read.principals AS p
    LEFT JOIN read.security AS s ON true
    LEFT JOIN watch.holds AS h ON h.user_id = p.user_id AND h.epoch = p.epoch
    WHERE p.user_id = p_viewer;
    IF NOT FOUND OR v_of.status IS DISTINCT FROM 'active' THEN RETURN c_inactive; END IF;
    v_cause := v_of.cause;
    EXIT WHEN v_cause IS NOT NULL;

    -- The same request again is the same disclosure, or the same refusal.
    -- OFFSET 0 keeps the request's own index: by person and measure a plan would read all that he ever opened.
    SELECT NULL::jsonb AS cause, d.at INTO v_again
    FROM (SELECT * FROM watch.disclosures AS x WHERE x.request_id = p_request OFFSET 0) AS d
    WHERE d.user_id = p_viewer AND d.measure = p_measure AND d.kind = p_kind AND d.subject_ids = p_subjects
    UNION ALL
    SELECT r.cause, r.at FROM watch.refusals AS r
    WHERE r.request_id = p_request AND r.user_id = p_viewer AND r.measure = p_measure AND r.epoch = v_of.epoch
    LIMIT 1;
    IF FOUND THEN
      IF v_again.cause IS NULL THEN RETURN c_admitted; END IF;
      RETURN ('refused', v_again.cause->>'measure', v_again.cause->>'window', v_again.cause->>'action',
              (v_again.cause->>'max')::integer, (v_again.cause->>'count')::integer, v_again.at)::watch.admission;
    END IF;

    SELECT l.* INTO v_limits FROM watch.person_limits AS l
    WHERE l.user_id = p_viewer AND l.measure = p_measure AND l.authz_version = v_of.authz_version;
    IF NOT FOUND THEN
      CONTINUE WHEN v_turn = 1;
      v_limits := watch.choose_limits(p_viewer, p_measure);
      IF v_limits.near IS NULL THEN RETURN c_refused; END IF;
    END IF;

    SELECT d.* INTO v_last FROM watch.disclosures AS d
    WHERE d.user_id = p_viewer AND d.epoch = v_of.epoch AND d.measure = p_measure ORDER BY d.at DESC LIMIT 1;
    -- The clock was moved back: what comes now sorts before rows whose tally leaves it out.
    IF v_last.at >= v_at THEN
      CONTINUE WHEN v_turn = 1;
      PERFORM watch.drop_tallies(p_viewer, v_of.epoch, ARRAY[p_measure], v_at);
      v_last.tally_distinct := NULL;
    END IF;
    IF v_limits.near = '{NULL,NULL,NULL,NULL}'::integer[] THEN
      CONTINUE WHEN v_turn = 1;
      EXIT;
    END IF;

    IF v_limits.windowing = 'rolling' THEN
      v_hour_eve := v_at - interval '60 minutes';
      v_day_eve := v_at - interval '24 hours';
    ELSE
      v_hour_eve := watch.window_eve('hour', v_limits.windowing, v_limits.zone, v_at);
      v_day_eve := watch.window_eve('day', v_limits.windowing, v_limits.zone, v_at);
      IF v_hour_eve IS NULL OR v_day_eve IS NULL THEN RETURN c_refused; END IF;
    END IF;
    IF v_limits.is_distinct THEN
      SELECT d.at INTO v_seen_at FROM watch.disclosures AS d
      WHERE d.user_id = p_viewer AND d.epoch = v_of.epoch AND d.subject_id = p_subjects[1] AND d.measure = p_measure
        AND d.measure IN ('deal.opened', 'contact.opened', 'company.opened')
      ORDER BY d.at DESC LIMIT 1;
    END IF;
    IF v_last.tally_distinct IS DISTINCT FROM v_limits.is_distinct THEN
      v_last.hour_count := NULL;
      v_last.day_count := NULL;
    END IF;
    v_reached := NULL;
    IF v_limits.near[1] IS NOT NULL THEN
      v_hour := watch.window_count(p_viewer, v_of.epoch, p_measure, v_limits.is_distinct, v_amount, v_limits.near[1], v_hour_eve,
        interval '1 hour', v_last.at, v_last.hour_eve, v_last.hour_count, v_seen_at);
      IF v_hour.count + v_hour.adds >= v_limits.near[1] THEN v_reached := watch.reached(v_limits, 1, v_hour); END IF;
    END IF;
    IF v_limits.near[2] IS NOT NULL THEN
      v_day := watch.window_count(p_viewer, v_of.epoch, p_measure, v_limits.is_distinct, v_amount, v_limits.near[2], v_day_eve,
        interval '24 hours', v_last.at, v_last.day_eve, v_last.day_count, v_seen_at);
      IF v_day.count + v_day.adds >= v_limits.near[2] THEN
        v_reached := coalesce(v_reached, '[]') || watch.reached(v_limits, 2, v_day);
      END IF;
    END IF;
    IF v_limits.near[3] IS NOT NULL OR v_limits.near[4] IS NOT NULL THEN
      SELECT d.* INTO v_cards
      FROM unnest('{deal.opened,contact.opened,company.opened}'::text[]) AS o(measure)
      CROSS JOIN LATERAL (
        SELECT x.* FROM watch.disclosures AS x
        WHERE x.user_id = p_viewer AND x.epoch = v_of.epoch AND x.measure = o.measure ORDER BY x.at DESC LIMIT 1
      ) AS d
      ORDER BY d.at DESC LIMIT 1;
      IF v_limits.is_distinct THEN
        SELECT d.at INTO v_cards_seen_at FROM watch.disclosures AS d
        WHERE d.user_id = p_viewer AND d.epoch = v_of.epoch AND d.subject_id = p_subjects[1]
          AND d.measure IN ('deal.opened', 'contact.opened', 'company.opened')
        ORDER BY d.at DESC LIMIT 1;
      END IF;
      IF v_cards.at >= v_at THEN
        CONTINUE WHEN v_turn = 1;
        PERFORM watch.drop_tallies(p_viewer, v_of.epoch, '{deal.opened,contact.opened,company.opened}', v_at);
        v_cards.cards_version := NULL;
      END IF;
      IF v_cards.tally_distinct IS DISTINCT FROM v_limits.is_distinct OR v_cards.cards_version IS DISTINCT FROM v_of.authz_version THEN
        v_cards.cards_hour_count := NULL;
        v_cards.cards_day_count := NULL;
      END IF;
      IF v_limits.near[3] IS NOT NULL THEN
        v_cards_hour := watch.window_count(p_viewer, v_of.epoch, 'card.opened', v_limits.is_distinct, v_amount, v_limits.near[3],
          v_hour_eve, interval '1 hour', v_cards.at, v_cards.cards_hour_eve, v_cards.cards_hour_count, v_cards_seen_at);
        IF v_cards_hour.count + v_cards_hour.adds >= v_limits.near[3] THEN
          v_reached := coalesce(v_reached, '[]') || watch.reached(v_limits, 3, v_cards_hour);
        END IF;
      END IF;
      IF v_limits.near[4] IS NOT NULL THEN
        v_cards_day := watch.window_count(p_viewer, v_of.epoch, 'card.opened', v_limits.is_distinct, v_amount, v_limits.near[4],
          v_day_eve, interval '24 hours', v_cards.at, v_cards.cards_day_eve, v_cards.cards_day_count, v_cards_seen_at);
        IF v_cards_day.count + v_cards_day.adds >= v_limits.near[4] THEN
          v_reached := coalesce(v_reached, '[]') || watch.reached(v_limits, 4, v_cards_day);
        END IF;
      END IF;
    END IF;
    IF v_reached IS NOT NULL AND NOT v_limits.exempt THEN
      v_cause := watch.refusing(v_reached);
      EXIT WHEN v_cause->>'action' = 'refuse';
    END IF;
  END LOOP;

  IF v_cause IS NOT NULL THEN
    v_refusal := ROW(uuidv7(), v_at, p_viewer, v_of.is_admin, v_of.epoch, p_measure, p_kind, p_subject_type, p_masked,
                     p_request, p_session, p_token, p_ip, v_cause, false, 0);
    v_refusal.held := v_of.cause IS NULL AND v_cause->>'action' = 'deactivate'
      AND watch.hold(p_viewer, v_of.epoch, v_cause, v_at);
    RETURN watch.refuse(v_refusal);
  END IF;
  -- An empty list shows nothing: there is nothing to record.
  IF v_amount = 0 THEN RETURN c_admitted; END IF;
  v_id := uuidv7();
  INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked,
    request_id, session_id, token_id, ip, limits, tally_distinct, hour_eve, hour_count, day_eve, day_count,
    cards_hour_eve, cards_hour_count, cards_day_eve, cards_day_count, cards_version)
  VALUES (v_id, v_at, p_viewer, v_of.is_admin, v_of.epoch, p_measure, p_kind, p_subject_type, p_subjects, v_amount, p_masked,
    p_request, p_session, p_token, p_ip, v_reached, v_limits.is_distinct, v_hour.eve, v_hour.count + v_hour.adds,
    v_day.eve, v_day.count + v_day.adds, v_cards_hour.eve, v_cards_hour.count + v_cards_hour.adds,
    v_cards_day.eve, v_cards_day.count + v_cards_day.adds, CASE WHEN v_cards_hour.eve IS NOT NULL OR v_cards_day.eve IS NOT NULL THEN v_of.authz_version END);
  INSERT INTO watch.outbox_queue (id) VALUES (v_id);
  RETURN c_admitted;
END $$;
`;
