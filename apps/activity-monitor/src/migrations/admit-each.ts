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

-- The answer to requests of a batch: their places in it, from 1, and their ids; then as watch.admission.
CREATE TYPE watch.placed_admission AS (
  places integer[], requests uuid[], decision text, measure text, "window" text, action text, max integer, count integer,
  refused_at timestamptz
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
  v_own boolean[];
  v_places integer[];
  v_requests uuid[];
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
  -- By place: of each viewer the first, if his lock is free. What comes after it has to see it.
  v_own := ARRAY(
    SELECT array_position(p_viewers, v.viewer) = v.place AND (v_held IS NULL OR v.viewer <> ALL (v_held))
      AND pg_try_advisory_xact_lock(7301, uuid_hash(v.viewer))
    FROM unnest(p_viewers) WITH ORDINALITY AS v(viewer, place));
  v_at := clock_timestamp();

  IF true = ANY (v_own) THEN
    WITH counted AS (
      UPDATE watch.kept_tallies AS k SET (last_at, hour_count, day_count) = (
        SELECT v_at, k.hour_count + CASE WHEN seen.at > k.hour_eve THEN 0 ELSE a.amount END,
          k.day_count + CASE WHEN seen.at > k.day_eve THEN 0 ELSE a.amount END
        FROM (SELECT (
          SELECT x.at FROM watch.disclosures AS x
          WHERE k.is_distinct AND k.until < 'infinity' AND x.user_id = k.user_id AND x.epoch = k.epoch AND x.subject_id = p_subjects[a.begin]
            AND x.measure = k.measure AND x.measure IN ('deal.opened', 'contact.opened', 'company.opened')
          ORDER BY x.at DESC LIMIT 1
        ) AS at OFFSET 0) AS seen)
      FROM (
        SELECT b.place, b.begin, b.amount
        FROM (
          SELECT g.place, coalesce(p_ends[g.place - 1], 0) + 1 AS begin,
            CASE p_measures[g.place] WHEN 'phone.lookedUp' THEN 1 ELSE p_ends[g.place] - coalesce(p_ends[g.place - 1], 0) END AS amount
          FROM generate_series(1, v_asked) AS g(place)
          WHERE v_own[g.place]
          -- Worked out once, and not again wherever it is named.
          OFFSET 0
        ) AS b
        WHERE p_ends[b.place] >= b.begin
          AND watch.is_askable(p_viewers[b.place], p_measures[b.place], p_kinds[b.place], p_subject_types[b.place],
            p_subjects[b.begin : p_ends[b.place]], p_requests[b.place], p_masked[b.place])
          AND p_requests[b.place] <> ALL (ARRAY(
            SELECT x.request_id FROM watch.disclosures AS x WHERE x.request_id = ANY (p_requests)
            UNION ALL SELECT x.request_id FROM watch.refusals AS x WHERE x.request_id = ANY (p_requests)))
      ) AS a
      WHERE k.user_id = p_viewers[a.place] AND k.measure = p_measures[a.place]
        AND k.authz_version = (SELECT s.authz_version FROM read.security AS s) AND k.last_at < v_at AND v_at < k.until
        AND (k.hour_count + a.amount < k.hour_near) IS NOT FALSE AND (k.day_count + a.amount < k.day_near) IS NOT FALSE
      RETURNING k.*, a.place, a.begin, a.amount
    ), recorded AS (
      INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked,
        request_id, session_id, token_id, ip, tally_distinct, hour_eve, hour_count, day_eve, day_count)
      SELECT uuidv7(), v_at, c.user_id, c.is_admin, c.epoch, c.measure, p_kinds[c.place], p_subject_types[c.place],
        p_subjects[c.begin : p_ends[c.place]], c.amount, p_masked[c.place], p_requests[c.place], p_sessions[c.place], p_tokens[c.place],
        p_ips[c.place], c.is_distinct, c.hour_eve, c.hour_count, c.day_eve, c.day_count
      FROM counted AS c
      RETURNING id
    ), queued AS (
      INSERT INTO watch.outbox_queue (id) SELECT r.id FROM recorded AS r
    )
    SELECT array_agg(c.place), array_agg(p_requests[c.place]) INTO v_places, v_requests FROM counted AS c;
    IF v_places IS NOT NULL THEN
      RETURN NEXT (v_places, v_requests, 'admitted', NULL, NULL, NULL, NULL, NULL, NULL)::watch.placed_admission;
      IF cardinality(v_places) = v_asked THEN RETURN; END IF;
    END IF;
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
    SELECT array_agg(f.place::integer), array_agg(f.request), 'refused', f.cause->>'measure', f.cause->>'window', f.cause->>'action',
      (f.cause->>'max')::integer, (f.cause->>'count')::integer, v_at
    FROM further AS f GROUP BY f.refusal, f.cause;
  END IF;

  -- Only further refusals may be committed without waiting for the disk, and watch.refuse says so for the whole transaction.
  v_must_flush := v_places IS NOT NULL;
  FOR i IN 1..v_asked LOOP
    -- Also of a viewer whose lock was not free: what does not fit together is refused whole, whoever else is at work.
    IF (p_ends[i] >= coalesce(p_ends[i - 1], 0)) IS NOT TRUE THEN
      RAISE EXCEPTION 'watch.admit_each: the arguments are not valid' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    CONTINUE WHEN v_own[array_position(p_viewers, p_viewers[i])] IS FALSE OR i = ANY (v_places);
    v_answer := watch.admit(p_viewers[i], p_measures[i], p_kinds[i], p_subject_types[i],
      p_subjects[coalesce(p_ends[i - 1], 0) + 1 : p_ends[i]], p_requests[i], p_sessions[i], p_tokens[i], p_ips[i], p_masked[i]);
    IF current_setting('synchronous_commit') IS DISTINCT FROM c_commit THEN
      PERFORM set_config('synchronous_commit', c_commit, true);
    ELSE
      v_must_flush := true;
    END IF;
    RETURN NEXT (ARRAY[i], ARRAY[p_requests[i]], v_answer.decision, v_answer.measure, v_answer."window", v_answer.action, v_answer.max,
      v_answer.count, v_answer.refused_at)::watch.placed_admission;
  END LOOP;
  IF NOT v_must_flush THEN PERFORM set_config('synchronous_commit', 'off', true); END IF;
END $$;
GRANT EXECUTE ON FUNCTION watch.admit_each(uuid[], text[], text[], text[], uuid[], integer[], uuid[], uuid[], uuid[], text[], boolean[])
  TO palisade_gateway, palisade_core;
`;
