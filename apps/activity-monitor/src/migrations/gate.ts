/**
 * The gate. `watch.admit` decides and records in one transaction, under a lock of the viewer, by the database's clock.
 *
 * It needs READ COMMITTED: each statement after the lock must see what the last holder of the lock wrote. Only its being refused a
 * further time within a minute is committed without waiting for the disk: it is a figure, and a crash may lose the last of it.
 */
export const GATE = `
CREATE TYPE watch.admission AS (
  decision text, measure text, "window" text, action text, max integer, count integer, refused_at timestamptz
);

-- A two-key lock: its key space is apart from the one-key locks of the streams.
CREATE FUNCTION watch.lock_viewer(p_viewer uuid) RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC SELECT pg_advisory_xact_lock(7301, uuid_hash(p_viewer)); END;

CREATE FUNCTION watch.is_held(p_user uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, watch, pg_temp
AS $$
BEGIN
  RETURN EXISTS (SELECT FROM watch.holds AS h JOIN read.principals AS p ON p.user_id = h.user_id AND p.epoch = h.epoch
                 WHERE h.user_id = p_user);
END $$;

-- Sets the hold of a person whom a limit cuts off; false when he is the last active administrator, who is never held.
-- The lock is the one that a demotion takes, so that two of them cannot both believe the other stays.
CREATE FUNCTION watch.hold(p_viewer uuid, p_epoch integer, p_cause jsonb, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('last-administrator', 0));
  IF (SELECT p.is_admin FROM read.principals AS p WHERE p.user_id = p_viewer) AND NOT EXISTS (
    SELECT FROM read.principals AS p
    WHERE p.is_admin AND p.status = 'active' AND p.user_id <> p_viewer
      AND NOT EXISTS (SELECT FROM watch.holds AS h WHERE h.user_id = p.user_id AND h.epoch = p.epoch))
  THEN RETURN false; END IF;
  INSERT INTO watch.holds (user_id, epoch, cause, at) VALUES (p_viewer, p_epoch, p_cause, p_at);
  RETURN true;
END $$;

-- Records a refusal: the one that held and the first of a person in a minute with an event, the others as a number.
CREATE FUNCTION watch.refuse(p watch.refusals) RETURNS watch.admission
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
    UPDATE watch.refusals SET further = further + 1 WHERE id = v_recent;
  ELSE
    INSERT INTO watch.refusals SELECT (p).*;
    INSERT INTO watch.outbox (id, payload) VALUES (p.id, watch.event_of(p));
  END IF;
  RETURN ('refused', p.cause->>'measure', p.cause->>'window', p.cause->>'action',
          (p.cause->>'max')::integer, (p.cause->>'count')::integer, p.at)::watch.admission;
END $$;

CREATE FUNCTION watch.admit(
  p_viewer uuid, p_measure text, p_kind text, p_subject_type text, p_subjects uuid[], p_request uuid,
  p_session uuid, p_token uuid, p_ip text, p_masked boolean
) RETURNS watch.admission
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, watch, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  c_inactive CONSTANT watch.admission := ('inactive', NULL, NULL, NULL, NULL, NULL, NULL)::watch.admission;
  c_refused CONSTANT watch.admission := ('refused', NULL, NULL, NULL, NULL, NULL, NULL)::watch.admission;
  c_admitted CONSTANT watch.admission := ('admitted', NULL, NULL, NULL, NULL, NULL, NULL)::watch.admission;
  v_opening boolean := p_measure IN ('deal.opened', 'contact.opened', 'company.opened');
  v_amount integer;
  v_at timestamptz;
  v_standing record;
  v_repeat record;
  v_monitoring jsonb;
  v_matching jsonb;
  v_distinct boolean;
  v_limit record;
  v_counted record;
  v_counted_for text := '';
  v_eve timestamptz;
  v_adds integer;
  v_exempt boolean;
  v_cause jsonb;
  v_limits jsonb;
  v_refusal watch.refusals;
  v_disclosure watch.disclosures;
BEGIN
  IF p_viewer IS NULL OR p_request IS NULL OR p_masked IS NULL OR p_subjects IS NULL OR array_position(p_subjects, NULL) IS NOT NULL
    OR p_kind IS NULL OR p_kind NOT IN ('card', 'row', 'reveal', 'lookup', 'call', 'export', 'history', 'deletion', 'reassignment')
    OR p_subject_type IS NULL OR p_subject_type NOT IN ('contact', 'company', 'deal')
    OR p_measure IS NULL OR NOT (v_opening OR p_measure IN ('list.rows', 'phone.revealed', 'phone.lookedUp', 'call.placed',
                                                            'record.exported', 'record.deleted', 'record.reassigned'))
    OR (v_opening AND cardinality(p_subjects) <> 1)
  THEN RAISE EXCEPTION 'watch.admit: the arguments are not valid' USING ERRCODE = 'invalid_parameter_value'; END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'watch.admit needs READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
  END IF;
  v_amount := CASE WHEN v_opening OR p_measure = 'phone.lookedUp' THEN 1 ELSE cardinality(p_subjects) END;

  v_refusal := ROW(uuidv7(), clock_timestamp(), p_viewer, false, 0, p_measure, p_kind, p_subject_type, p_masked, p_request,
                   p_session, p_token, p_ip, NULL, false, 0);
  -- A look without the lock: whoever is held already is refused for the price of it.
  SELECT p.is_admin, p.epoch, h.cause, h.at INTO v_standing
  FROM watch.holds AS h JOIN read.principals AS p ON p.user_id = h.user_id AND p.epoch = h.epoch AND p.status = 'active'
  WHERE h.user_id = p_viewer;
  IF FOUND THEN
    v_refusal.is_admin := v_standing.is_admin;
    v_refusal.epoch := v_standing.epoch;
    v_refusal.cause := v_standing.cause;
    RETURN watch.refuse(v_refusal);
  END IF;

  PERFORM watch.lock_viewer(p_viewer);
  v_at := clock_timestamp();
  SELECT p.status, p.is_admin, p.role_ids, p.epoch, s.settings, h.cause INTO v_standing
  FROM read.principals AS p
  LEFT JOIN read.security AS s ON true
  LEFT JOIN watch.holds AS h ON h.user_id = p.user_id AND h.epoch = p.epoch
  WHERE p.user_id = p_viewer;
  IF NOT FOUND OR v_standing.status IS DISTINCT FROM 'active' THEN RETURN c_inactive; END IF;
  v_refusal.at := v_at;
  v_refusal.is_admin := v_standing.is_admin;
  v_refusal.epoch := v_standing.epoch;
  IF v_standing.cause IS NOT NULL THEN
    v_refusal.cause := v_standing.cause;
    RETURN watch.refuse(v_refusal);
  END IF;
  v_monitoring := v_standing.settings->'activityMonitoring';
  IF v_monitoring IS NULL THEN RETURN c_refused; END IF;

  -- The same request again is the same disclosure, or the same refusal.
  -- OFFSET 0 keeps the request's own index: by person and measure a plan would read all that he ever opened.
  SELECT NULL::jsonb AS cause, d.at INTO v_repeat
  FROM (SELECT * FROM watch.disclosures AS x WHERE x.request_id = p_request OFFSET 0) AS d
  WHERE d.user_id = p_viewer AND d.measure = p_measure AND d.kind = p_kind AND d.subject_ids = p_subjects
  UNION ALL
  SELECT r.cause, r.at FROM watch.refusals AS r
  WHERE r.request_id = p_request AND r.user_id = p_viewer AND r.measure = p_measure AND r.epoch = v_standing.epoch
  LIMIT 1;
  IF FOUND THEN
    IF v_repeat.cause IS NULL THEN RETURN c_admitted; END IF;
    RETURN ('refused', v_repeat.cause->>'measure', v_repeat.cause->>'window', v_repeat.cause->>'action',
            (v_repeat.cause->>'max')::integer, (v_repeat.cause->>'count')::integer, v_repeat.at)::watch.admission;
  END IF;

  -- Switched off only by a plain false.
  IF v_monitoring->'enabled' IS DISTINCT FROM 'false'::jsonb THEN
    v_distinct := v_monitoring->>'counting' IS DISTINCT FROM 'opens';
    v_exempt := v_standing.is_admin AND v_monitoring->'exemptAdmins' = 'true'::jsonb;
    IF jsonb_typeof(v_monitoring->'limits') IS DISTINCT FROM 'array' THEN RETURN c_refused; END IF;
    -- Most measures have no limit; seeing that costs a tenth of asking.
    v_matching := jsonb_path_query_array(v_monitoring->'limits',
      '$[*] ? (@.measure == $measure || (@.measure == "card.opened" && $opening == true))',
      jsonb_build_object('measure', p_measure, 'opening', v_opening));
    IF v_matching <> '[]'::jsonb THEN
      FOR v_limit IN SELECT l.* FROM watch.limits_for(v_matching, NULL, p_viewer, v_standing.role_ids) AS l LOOP
        IF v_counted_for <> v_limit.measure || v_limit."window" THEN
          v_eve := watch.window_eve(v_limit."window", v_monitoring->>'windowing', v_standing.settings->>'timeZone', v_at);
          IF v_eve IS NULL OR v_limit.max IS NULL THEN RETURN c_refused; END IF;
          SELECT * INTO v_counted FROM watch.counted(p_viewer, v_standing.epoch, v_limit.measure, v_eve, v_distinct, p_subjects[1]);
          v_counted_for := v_limit.measure || v_limit."window";
          v_adds := CASE WHEN v_counted.seen THEN 0 ELSE v_amount END;
        END IF;
        IF v_limit.action <> 'alert' AND NOT v_exempt AND v_adds > 0 AND v_counted.count + v_adds > v_limit.max
          AND (v_cause IS NULL OR (v_limit.action = 'deactivate') > (v_cause->>'action' = 'deactivate')
            OR (v_limit.action = v_cause->>'action' AND v_limit.max < (v_cause->>'max')::integer))
        THEN
          v_cause := jsonb_build_object('measure', v_limit.measure, 'window', v_limit."window", 'action', v_limit.action,
                                        'max', v_limit.max, 'count', v_counted.count);
        END IF;
        -- 4/5 of the maximum, rounded up.
        IF v_counted.count + v_adds >= (4 * v_limit.max::bigint + 4) / 5 THEN
          v_limits := coalesce(v_limits, '[]'::jsonb) || jsonb_build_object('measure', v_limit.measure, 'window', v_limit."window",
            'action', v_limit.action, 'max', v_limit.max, 'count', v_counted.count + v_adds, 'added', v_adds);
        END IF;
      END LOOP;
    END IF;
  END IF;

  IF v_cause IS NOT NULL THEN
    v_refusal.cause := v_cause;
    v_refusal.held := v_cause->>'action' = 'deactivate' AND watch.hold(p_viewer, v_standing.epoch, v_cause, v_at);
    RETURN watch.refuse(v_refusal);
  END IF;
  -- An empty list shows nothing: there is nothing to record.
  IF v_amount = 0 THEN RETURN c_admitted; END IF;
  INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked,
                                 request_id, session_id, token_id, ip, limits)
  VALUES (uuidv7(), v_at, p_viewer, v_standing.is_admin, v_standing.epoch, p_measure, p_kind, p_subject_type, p_subjects, v_amount,
          p_masked, p_request, p_session, p_token, p_ip, v_limits)
  RETURNING * INTO v_disclosure;
  INSERT INTO watch.outbox (id, payload) VALUES (v_disclosure.id, watch.event_of(v_disclosure));
  RETURN c_admitted;
END $$;
`;

/** Who may what in schema `watch`. The owner is palisade_monitor. */
export const WATCH_RIGHTS = `
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA watch FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA watch FROM PUBLIC;
GRANT USAGE ON SCHEMA watch TO palisade_gateway, palisade_core;
GRANT EXECUTE ON FUNCTION watch.admit(uuid, text, text, text, uuid[], uuid, uuid, uuid, text, boolean) TO palisade_gateway, palisade_core;
GRANT EXECUTE ON FUNCTION watch.is_held(uuid) TO palisade_gateway, palisade_core;
GRANT SELECT, DELETE ON watch.outbox TO palisade_gateway;
`;
