/**
 * When windows begin, and what counts in them, in SQL: the same rules as `gate/` has in TypeScript.
 *
 * A rolling window is open at its start: (t - 60 min, t]. A calendar one is closed: it begins with its first instant. Counting
 * takes the last instant *before* the window, so that both are "later than". It has no upper bound: what was recorded before
 * the clock was moved back stays counted.
 */
export const WINDOW_ARITHMETIC = `
-- The start of the window that holds an instant; null for a window or windowing that is not known.
CREATE FUNCTION watch.window_start(p_window text, p_windowing text, p_zone text, p_at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  v_local timestamp;
  v_offset interval;
  v_first timestamptz;
  v_whole timestamptz;
  v_before integer;
  v_within integer := 0;
  v_middle integer;
  v_probe timestamptz;
BEGIN
  IF p_window NOT IN ('hour', 'day') THEN RETURN NULL; END IF;
  IF p_windowing = 'rolling' THEN
    -- Hours, not a day: a day would be one of the session's own zone.
    RETURN p_at - CASE p_window WHEN 'hour' THEN interval '60 minutes' ELSE interval '24 hours' END;
  END IF;
  IF p_windowing <> 'calendar' THEN RETURN NULL; END IF;
  v_local := p_at AT TIME ZONE p_zone;
  v_offset := v_local - (p_at AT TIME ZONE 'UTC');
  v_first := (date_trunc(p_window, v_local) - v_offset) AT TIME ZONE 'UTC';
  -- The usual case: the same offset since the start, and for a day some hours before it, where midnight may come twice.
  IF (v_first AT TIME ZONE p_zone) - (v_first AT TIME ZONE 'UTC') = v_offset AND (p_window = 'hour'
      OR ((v_first - interval '4 hours') AT TIME ZONE p_zone) - ((v_first - interval '4 hours') AT TIME ZONE 'UTC') = v_offset)
  THEN RETURN v_first; END IF;
  -- The clocks were changed: find by halving, to the second, the first instant of this offset (hour) or of this date (day).
  v_whole := date_trunc('second', p_at);
  v_before := CASE p_window WHEN 'hour' THEN -3600 ELSE -180000 END;
  WHILE v_within - v_before > 1 LOOP
    v_middle := (v_before + v_within) / 2;
    v_probe := v_whole + v_middle * interval '1 second';
    IF (p_window = 'hour' AND (v_probe AT TIME ZONE p_zone) - (v_probe AT TIME ZONE 'UTC') = v_offset)
      OR (p_window = 'day' AND (v_probe AT TIME ZONE p_zone)::date >= v_local::date)
    THEN v_within := v_middle; ELSE v_before := v_middle; END IF;
  END LOOP;
  RETURN v_whole + v_within * interval '1 second';
END $$;

-- The last instant before that window.
CREATE FUNCTION watch.window_eve(p_window text, p_windowing text, p_zone text, p_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE p_windowing WHEN 'calendar'
  THEN watch.window_start(p_window, p_windowing, p_zone, p_at) - interval '1 microsecond'
  ELSE watch.window_start(p_window, p_windowing, p_zone, p_at) END;

-- The limits that hold for a person: per measure, window and action the narrowest scope, in it the largest maximum.
CREATE FUNCTION watch.limits_for(p_limits jsonb, p_measures text[], p_user uuid, p_roles uuid[])
RETURNS TABLE (measure text, "window" text, action text, max integer)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT DISTINCT ON (fit.measure, fit."window", fit.action) fit.measure, fit."window", fit.action, fit.max
  FROM (
    SELECT l->>'measure' AS measure, l->>'window' AS "window", l->>'action' AS action, (l->>'max')::integer AS max,
      CASE WHEN lower((l->'scope'->'userIds')::text)::jsonb ? p_user::text THEN 1
           WHEN lower((l->'scope'->'roleIds')::text)::jsonb ?| p_roles::text[] THEN 2
           WHEN l->'scope'->'everyone' = 'true'::jsonb THEN 3 END AS breadth
    FROM jsonb_array_elements(p_limits) AS l
    WHERE p_measures IS NULL OR l->>'measure' = ANY (p_measures)
  ) AS fit
  WHERE fit.breadth IS NOT NULL
  ORDER BY fit.measure, fit."window", fit.action, fit.breadth, fit.max DESC
$$;

-- What a person's disclosures of his present epoch count later than p_eve, and whether p_subject is among them (distinct openings only).
CREATE FUNCTION watch.counted(p_user uuid, p_epoch integer, p_measure text, p_eve timestamptz, p_distinct boolean, p_subject uuid,
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
    WHERE d.user_id = p_user AND d.measure = ANY (v_measures) AND d.at > p_eve AND d.epoch = p_epoch;
  ELSE
    SELECT coalesce(sum(d.amount), 0), false INTO count, seen
    FROM watch.disclosures AS d
    WHERE d.user_id = p_user AND d.measure = ANY (v_measures) AND d.at > p_eve AND d.epoch = p_epoch;
  END IF;
END $$;

-- Every limit that holds for a person with its count now, for the live view. Nothing for one without standing.
CREATE FUNCTION watch.standings(p_user uuid)
RETURNS TABLE (measure text, "window" text, action text, max integer, count bigint, since timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, watch, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
  SELECT l.measure, l."window", l.action, l.max, c.count,
    greatest(watch.window_start(l."window", m.monitoring->>'windowing', m.zone, now()), p.epoch_since)
  FROM read.principals AS p
  CROSS JOIN (SELECT s.settings->'activityMonitoring' AS monitoring, s.settings->>'timeZone' AS zone FROM read.security AS s) AS m
  CROSS JOIN LATERAL watch.limits_for(m.monitoring->'limits', NULL, p.user_id, p.role_ids) AS l
  CROSS JOIN LATERAL watch.counted(p.user_id, p.epoch, l.measure,
    watch.window_eve(l."window", m.monitoring->>'windowing', m.zone, now()), m.monitoring->>'counting' = 'distinct', NULL) AS c
  WHERE p.user_id = p_user
$$;
`;
