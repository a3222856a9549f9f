/**
 * The gate for many at once (ADR 31). `watch.admit_each` decides and records what `watch.admit` would for each request alone, in the
 * order given, in one transaction: one statement and one flush for all. It too needs READ COMMITTED.
 *
 * It waits for no viewer's lock. Whoever does not get his at once has no row in the answer and asks alone: so nobody waits for
 * another's lock, and no two batches for each other. The one lock that is waited for, of the last administrator, is taken after those
 * of viewers, here as in `watch.admit`, and who has it waits for none of these.
 *
 * What nearly every request is, of a person far from his limits whose last tally holds, and without a limit on the sum of openings,
 * is decided for all in one statement; so are the further attempts of who is held. Whatever is not plain goes through `watch.admit` in the same transaction.
 */
export const ADMIT_EACH = `
-- Attempts that one refusal answers may come many in a row.
ALTER TABLE watch.further_refusals ADD COLUMN attempts integer NOT NULL DEFAULT 1;
CREATE OR REPLACE FUNCTION watch.add_up_refusals() RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  WITH gone AS (DELETE FROM watch.further_refusals RETURNING refusal_id, attempts),
  counted AS (SELECT refusal_id, sum(attempts)::integer AS count FROM gone GROUP BY refusal_id)
  UPDATE watch.refusals AS r SET further = r.further + c.count FROM counted AS c WHERE r.id = c.refusal_id;
END $$;

-- The answer to one request of a batch: its place in it, from 1, and its id; then as watch.admission.
CREATE TYPE watch.placed_admission AS (
  place integer, request uuid, decision text, measure text, "window" text, action text, max integer, count integer, refused_at timestamptz
);

-- The arguments that watch.admit takes.
CREATE FUNCTION watch.is_askable(p_viewer uuid, p_measure text, p_kind text, p_subject_type text, p_subjects uuid[], p_request uuid,
  p_masked boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_viewer IS NOT NULL AND p_request IS NOT NULL AND p_masked IS NOT NULL AND p_subjects IS NOT NULL
  AND array_position(p_subjects, NULL) IS NULL
  AND p_kind IN ('card', 'row', 'reveal', 'lookup', 'call', 'export', 'history', 'deletion', 'reassignment')
  AND p_subject_type IN ('contact', 'company', 'deal')
  AND (p_measure IN ('list.rows', 'phone.revealed', 'phone.lookedUp', 'call.placed', 'record.exported', 'record.deleted',
                     'record.reassigned')
    OR (p_measure IN ('deal.opened', 'contact.opened', 'company.opened') AND cardinality(p_subjects) = 1));

-- The tally to go on from where nothing has to be read for it, as watch.window_count finds it. Plain: it is known, and far from any
-- limit, or there is none. A tally that is not valid is given as null. A query, so that it becomes part of the one that asks.
CREATE FUNCTION watch.plain_tally(p_near integer, p_window_eve timestamptz, p_length interval, p_last timestamptz,
  p_tally_eve timestamptz, p_tally integer, p_amount integer, p_distinct boolean, p_seen_at timestamptz)
RETURNS TABLE (eve timestamptz, count integer, plain boolean)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT t.eve, t.before + CASE WHEN p_distinct AND p_seen_at > t.eve THEN 0 ELSE p_amount END,
    p_near IS NULL OR coalesce(t.before::bigint + p_amount < p_near, false)
  FROM (
    SELECT CASE WHEN u.goes_on THEN p_tally_eve WHEN u.begins THEN p_window_eve END AS eve,
      CASE WHEN u.goes_on THEN p_tally WHEN u.begins THEN 0 END AS before
    FROM (
      SELECT p_near IS NOT NULL AND p_tally IS NOT NULL AND p_tally_eve <= p_window_eve AND p_tally_eve >= p_window_eve - p_length / 16
          AS goes_on,
        p_near IS NOT NULL AND (p_last > p_window_eve) IS NOT TRUE AS begins
    ) AS u
    -- Worked out once, and not again wherever it is named.
    OFFSET 0
  ) AS t
$$;

-- Request i is about the subjects after p_ends[i - 1] up to p_ends[i]. Undecided requests have no row.
CREATE FUNCTION watch.admit_each(
  p_viewers uuid[], p_measures text[], p_kinds text[], p_subject_types text[], p_subjects uuid[], p_ends integer[], p_requests uuid[],
  p_sessions uuid[], p_tokens uuid[], p_ips text[], p_masked boolean[]
) RETURNS SETOF watch.placed_admission
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, watch, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  c_most CONSTANT integer := 256;
  c_commit CONSTANT text := current_setting('synchronous_commit');
  v_asked integer := cardinality(p_requests);
  v_held uuid[];
  v_refusals uuid[];
  v_causes jsonb[];
  v_at timestamptz;
  v_locked uuid[];
  v_version bigint;
  v_windowing text;
  v_zone text;
  v_hour_eve timestamptz;
  v_day_eve timestamptz;
  v_admitted integer := 0;
  v_must_flush boolean;
  v_answer watch.admission;
BEGIN
  IF v_asked NOT BETWEEN 1 AND c_most OR (v_asked = ALL (ARRAY[cardinality(p_viewers), cardinality(p_measures), cardinality(p_kinds),
      cardinality(p_subject_types), cardinality(p_ends), cardinality(p_sessions), cardinality(p_tokens), cardinality(p_ips),
      cardinality(p_masked)]) AND p_ends[v_asked] = cardinality(p_subjects)) IS NOT TRUE
  THEN RAISE EXCEPTION 'watch.admit_each: the arguments are not valid' USING ERRCODE = 'invalid_parameter_value'; END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'watch.admit_each needs READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
  END IF;

  -- Who is held already and was refused within the last minute is refused for the price of a look, without a lock.
  SELECT array_agg(w.viewer), array_agg(w.refusal), array_agg(w.cause) INTO v_held, v_refusals, v_causes
  FROM (
    SELECT h.user_id AS viewer, h.cause, (
      SELECT r.id FROM watch.refusals AS r WHERE r.user_id = h.user_id AND r.at > clock_timestamp() - interval '1 minute'
      ORDER BY r.at DESC LIMIT 1
    ) AS refusal
    FROM watch.holds AS h
    WHERE h.user_id = ANY (p_viewers)
      AND (SELECT p.epoch FROM read.principals AS p WHERE p.user_id = h.user_id AND p.status = 'active') = h.epoch
  ) AS w
  WHERE w.refusal IS NOT NULL;
  SELECT ARRAY(
      SELECT v.viewer FROM unnest(p_viewers) AS v(viewer)
      WHERE (v_held IS NULL OR v.viewer <> ALL (v_held)) AND pg_try_advisory_xact_lock(7301, uuid_hash(v.viewer))
    ), s.authz_version, s.settings->'activityMonitoring'->>'windowing', s.settings->>'timeZone'
  INTO v_locked, v_version, v_windowing, v_zone FROM (SELECT) AS one LEFT JOIN read.security AS s ON true;
  v_at := clock_timestamp();

  IF v_locked <> '{}' THEN
    IF v_windowing = 'rolling' THEN
      v_hour_eve := v_at - interval '60 minutes';
      v_day_eve := v_at - interval '24 hours';
    ELSE
      v_hour_eve := watch.window_eve('hour', v_windowing, v_zone, v_at);
      v_day_eve := watch.window_eve('day', v_windowing, v_zone, v_at);
    END IF;
    -- LIMIT 1 keeps one look-up by key for each of them, whatever is known of the tables when the plan is made.
    RETURN QUERY
    WITH plain AS MATERIALIZED (
      SELECT uuidv7() AS id, a.place, a.amount, p.is_admin, p.epoch, l.is_distinct, h.eve AS hour_eve, h.count AS hour_count,
        y.eve AS day_eve, y.count AS day_count
      FROM (
        SELECT r.viewer, r.measure, r.place, p_subjects[r.begin] AS subject,
          CASE WHEN r.measure IN ('deal.opened', 'contact.opened', 'company.opened', 'phone.lookedUp') THEN 1
            ELSE p_ends[r.place] - r.begin + 1 END AS amount
        FROM (
          SELECT q.viewer, q.measure, q.place::integer AS place, coalesce(p_ends[q.place - 1], 0) + 1 AS begin
          FROM unnest(p_viewers, p_measures) WITH ORDINALITY AS q(viewer, measure, place)
          -- Of a viewer the first: what comes after it has to see it.
          WHERE array_position(p_viewers, q.viewer) = q.place AND q.viewer = ANY (v_locked)
        ) AS r
        WHERE p_ends[r.place] >= r.begin AND watch.is_askable(r.viewer, r.measure, p_kinds[r.place], p_subject_types[r.place],
          p_subjects[r.begin : p_ends[r.place]], p_requests[r.place], p_masked[r.place])
      ) AS a
      CROSS JOIN LATERAL (
        SELECT x.is_admin, x.epoch FROM read.principals AS x WHERE x.user_id = a.viewer AND x.status = 'active' LIMIT 1
      ) AS p
      CROSS JOIN LATERAL (
        SELECT x.* FROM watch.person_limits AS x WHERE x.user_id = a.viewer AND x.measure = a.measure LIMIT 1
      ) AS l
      LEFT JOIN LATERAL (
        SELECT x.at, x.hour_eve, x.hour_count, x.day_eve, x.day_count, x.tally_distinct FROM watch.disclosures AS x
        WHERE x.user_id = a.viewer AND x.epoch = p.epoch AND x.measure = a.measure ORDER BY x.at DESC LIMIT 1
      ) AS d ON true
      LEFT JOIN LATERAL (
        SELECT x.at FROM watch.disclosures AS x
        WHERE l.is_distinct AND x.user_id = a.viewer AND x.epoch = p.epoch AND x.subject_id = a.subject AND x.measure = a.measure
          AND x.measure IN ('deal.opened', 'contact.opened', 'company.opened')
        ORDER BY x.at DESC LIMIT 1
      ) AS seen ON true
      CROSS JOIN LATERAL watch.plain_tally(l.near[1], v_hour_eve, interval '1 hour', d.at, d.hour_eve,
        CASE WHEN d.tally_distinct = l.is_distinct THEN d.hour_count END, a.amount, l.is_distinct, seen.at) AS h
      CROSS JOIN LATERAL watch.plain_tally(l.near[2], v_day_eve, interval '24 hours', d.at, d.day_eve,
        CASE WHEN d.tally_distinct = l.is_distinct THEN d.day_count END, a.amount, l.is_distinct, seen.at) AS y
      WHERE l.authz_version = v_version AND v_version = (SELECT s.authz_version FROM read.security AS s)
        -- The sum of openings has tallies of its own, over three measures.
        AND l.near[3] IS NULL AND l.near[4] IS NULL AND h.plain AND y.plain
        -- The clock was moved back: what comes now sorts before rows whose tally leaves it out.
        AND (d.at >= v_at) IS NOT TRUE
        AND a.viewer <> ALL (ARRAY(
          SELECT o.user_id FROM watch.holds AS o
          WHERE o.user_id = ANY (v_locked) AND (SELECT x.epoch FROM read.principals AS x WHERE x.user_id = o.user_id) = o.epoch))
        AND p_requests[a.place] <> ALL (ARRAY(
          SELECT x.request_id FROM watch.disclosures AS x WHERE x.request_id = ANY (p_requests)
          UNION ALL SELECT x.request_id FROM watch.refusals AS x WHERE x.request_id = ANY (p_requests)))
    ), recorded AS (
      INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked,
        request_id, session_id, token_id, ip, tally_distinct, hour_eve, hour_count, day_eve, day_count)
      SELECT p.id, v_at, p_viewers[p.place], p.is_admin, p.epoch, p_measures[p.place], p_kinds[p.place], p_subject_types[p.place],
        p_subjects[coalesce(p_ends[p.place - 1], 0) + 1 : p_ends[p.place]], p.amount, p_masked[p.place], p_requests[p.place],
        p_sessions[p.place], p_tokens[p.place], p_ips[p.place], p.is_distinct, p.hour_eve, p.hour_count, p.day_eve, p.day_count
      FROM plain AS p
    ), queued AS (
      INSERT INTO watch.outbox_queue (id) SELECT p.id FROM plain AS p
    )
    SELECT p.place, p_requests[p.place], 'admitted', NULL::text, NULL::text, NULL::text, NULL::integer, NULL::integer, NULL::timestamptz
    FROM plain AS p;
    GET DIAGNOSTICS v_admitted = ROW_COUNT;
    IF v_admitted = v_asked THEN RETURN; END IF;
  END IF;

  IF v_held IS NOT NULL THEN
    RETURN QUERY
    WITH further AS MATERIALIZED (
      SELECT a.place, a.request, h.refusal, h.cause
      FROM ROWS FROM (unnest(p_viewers), unnest(p_measures), unnest(p_kinds), unnest(p_subject_types), unnest(p_ends),
        unnest(p_requests), unnest(p_masked)) WITH ORDINALITY AS a(viewer, measure, kind, subject_type, ends, request, masked, place)
      JOIN unnest(v_held, v_refusals, v_causes) AS h(viewer, refusal, cause) ON h.viewer = a.viewer
      WHERE watch.is_askable(a.viewer, a.measure, a.kind, a.subject_type, p_subjects[coalesce(p_ends[a.place - 1], 0) + 1 : a.ends],
        a.request, a.masked)
    ), counted AS (
      INSERT INTO watch.further_refusals (refusal_id, attempts) SELECT f.refusal, count(*)::integer FROM further AS f GROUP BY f.refusal
    )
    SELECT f.place::integer, f.request, 'refused', f.cause->>'measure', f.cause->>'window', f.cause->>'action',
      (f.cause->>'max')::integer, (f.cause->>'count')::integer, v_at
    FROM further AS f;
  END IF;

  -- Only further refusals may be committed without waiting for the disk, and watch.refuse says so for the whole transaction.
  v_must_flush := v_admitted > 0;
  FOR i IN 1..v_asked LOOP
    -- Also of a viewer whose lock was not free: what does not fit together is refused whole, whoever else is at work.
    IF (p_ends[i] >= coalesce(p_ends[i - 1], 0)) IS NOT TRUE THEN
      RAISE EXCEPTION 'watch.admit_each: the arguments are not valid' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    CONTINUE WHEN p_viewers[i] <> ALL (v_locked) OR (v_admitted > 0 AND array_position(p_viewers, p_viewers[i]) = i
      AND EXISTS (SELECT FROM watch.disclosures AS x WHERE x.request_id = p_requests[i] AND x.at = v_at AND x.user_id = p_viewers[i]));
    v_answer := watch.admit(p_viewers[i], p_measures[i], p_kinds[i], p_subject_types[i],
      p_subjects[coalesce(p_ends[i - 1], 0) + 1 : p_ends[i]], p_requests[i], p_sessions[i], p_tokens[i], p_ips[i], p_masked[i]);
    IF current_setting('synchronous_commit') IS DISTINCT FROM c_commit THEN
      PERFORM set_config('synchronous_commit', c_commit, true);
    ELSE
      v_must_flush := true;
    END IF;
    RETURN NEXT (i, p_requests[i], v_answer.decision, v_answer.measure, v_answer."window", v_answer.action, v_answer.max,
      v_answer.count, v_answer.refused_at)::watch.placed_admission;
  END LOOP;
  IF NOT v_must_flush THEN PERFORM set_config('synchronous_commit', 'off', true); END IF;
END $$;
GRANT EXECUTE ON FUNCTION watch.admit_each(uuid[], text[], text[], text[], uuid[], integer[], uuid[], uuid[], uuid[], text[], boolean[])
  TO palisade_gateway, palisade_core;
`;
