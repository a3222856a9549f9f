/**
 * The limits of a person as the gate needs them: per written measure, chosen from the settings once for each authz version, like the
 * rights that gateways keep in memory. A row of another version is not looked at, so a change holds from the next view on.
 */
export const PERSON_LIMITS = `
CREATE UNLOGGED TABLE watch.person_limits (
  user_id uuid NOT NULL,
  measure text NOT NULL,
  authz_version bigint NOT NULL,
  windowing text,
  zone text,
  is_distinct boolean NOT NULL,
  exempt boolean NOT NULL,
  -- The maxima: of this measure hourly (deactivate, refuse, alert), then daily; then the same of card.opened. Null: no such limit.
  maxima integer[] NOT NULL,
  -- The count from which there is something to say, of this measure hourly and daily, of card.opened hourly and daily: the least
  -- four fifths of the maxima, rounded up. Null: no limit.
  near integer[] NOT NULL,
  PRIMARY KEY (user_id, measure)
) WITH (fillfactor = 70);
REVOKE ALL ON watch.person_limits FROM PUBLIC;

-- Chooses and keeps them. Null when the settings cannot be read: nobody is admitted then.
CREATE FUNCTION watch.choose_limits(p_viewer uuid, p_measure text) RETURNS watch.person_limits
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  v_of record;
  v_monitoring jsonb;
  v_limit record;
  v_slot integer;
  v_chosen watch.person_limits;
BEGIN
  SELECT p.role_ids, p.is_admin, s.settings, s.authz_version INTO v_of
  FROM read.principals AS p CROSS JOIN read.security AS s WHERE p.user_id = p_viewer;
  IF NOT FOUND THEN RETURN NULL; END IF;
  v_monitoring := v_of.settings->'activityMonitoring';
  IF v_monitoring IS NULL THEN RETURN NULL; END IF;
  v_chosen := ROW(p_viewer, p_measure, v_of.authz_version, v_monitoring->>'windowing', v_of.settings->>'timeZone',
    p_measure IN ('deal.opened', 'contact.opened', 'company.opened') AND v_monitoring->>'counting' IS DISTINCT FROM 'opens',
    v_of.is_admin AND v_monitoring->'exemptAdmins' IS NOT DISTINCT FROM 'true'::jsonb,
    array_fill(NULL::integer, ARRAY[12]), array_fill(NULL::integer, ARRAY[4]));
  -- Switched off only by a plain false.
  IF v_monitoring->'enabled' IS DISTINCT FROM 'false'::jsonb THEN
    IF jsonb_typeof(v_monitoring->'limits') IS DISTINCT FROM 'array' THEN RETURN NULL; END IF;
    FOR v_limit IN SELECT l.* FROM watch.limits_for(v_monitoring->'limits', CASE
        WHEN p_measure IN ('deal.opened', 'contact.opened', 'company.opened') THEN ARRAY[p_measure, 'card.opened']
        ELSE ARRAY[p_measure] END, p_viewer, v_of.role_ids) AS l
    LOOP
      v_slot := CASE WHEN v_limit.measure = 'card.opened' THEN 2 ELSE 0 END
        + array_position('{hour,day}'::text[], v_limit."window");
      IF v_limit.max IS NULL OR v_slot IS NULL THEN RETURN NULL; END IF;
      v_chosen.maxima[(v_slot - 1) * 3 + array_position('{deactivate,refuse,alert}'::text[], v_limit.action)] := v_limit.max;
      v_chosen.near[v_slot] := least(v_chosen.near[v_slot], (4 * v_limit.max::bigint + 4) / 5);
    END LOOP;
  END IF;
  INSERT INTO watch.person_limits SELECT (v_chosen).*
  ON CONFLICT (user_id, measure) DO UPDATE SET authz_version = excluded.authz_version, windowing = excluded.windowing,
    zone = excluded.zone, is_distinct = excluded.is_distinct, exempt = excluded.exempt, maxima = excluded.maxima, near = excluded.near;
  RETURN v_chosen;
END $$;
`;
