/** The schema `monitor`: what the monitor makes of the events of the gate. All of it can be folded again from the disclosure log. */
export const MONITOR_TABLES = `
-- How far each stream is folded. Moved by compare-and-set in the transaction of the effect: the fence against a second owner.
CREATE TABLE monitor.checkpoints (
  name text NOT NULL,
  partition integer NOT NULL,
  incarnation text NOT NULL,
  stream_seq bigint NOT NULL,
  PRIMARY KEY (name, partition)
);

-- Events that were folded, so that one delivered again, or filled in from the log first, changes nothing.
CREATE TABLE monitor.folded (
  event_id uuid PRIMARY KEY
);

-- Up to when the disclosure log was compared with what is folded.
CREATE TABLE monitor.self_checks (
  name text PRIMARY KEY,
  checked_until timestamptz NOT NULL
);

-- Calendar buckets per person and measure; card.opened is the sum of the three openings.
CREATE TABLE monitor.windows (
  user_id uuid NOT NULL,
  measure text NOT NULL,
  "window" text NOT NULL,
  bucket_start timestamptz NOT NULL,
  opens bigint NOT NULL,
  distinct_subjects bigint NOT NULL,
  PRIMARY KEY (user_id, measure, "window", bucket_start)
);
CREATE TABLE monitor.window_subjects (
  user_id uuid NOT NULL,
  measure text NOT NULL,
  "window" text NOT NULL,
  bucket_start timestamptz NOT NULL,
  subject_id uuid NOT NULL,
  PRIMARY KEY (user_id, measure, "window", bucket_start, subject_id)
);

-- The exposure ledger: one row for each subject of a disclosure. Its key is made of the disclosure, so a row exists once.
CREATE TABLE monitor.exposure (
  at timestamptz NOT NULL,
  disclosure_id uuid NOT NULL,
  subject_id uuid NOT NULL,
  subject_type text NOT NULL,
  user_id uuid NOT NULL,
  measure text NOT NULL,
  kind text NOT NULL,
  masked boolean NOT NULL,
  ip text,
  session_id uuid,
  token_id uuid,
  PRIMARY KEY (disclosure_id, subject_id, at)
) PARTITION BY RANGE (at);
CREATE INDEX exposure_person ON monitor.exposure (user_id, at, disclosure_id, subject_id);
CREATE INDEX exposure_subject ON monitor.exposure (subject_id, at, disclosure_id);

-- Makes the partition of the month (UTC) that holds an instant.
CREATE FUNCTION monitor.ensure_exposure_partition(p_at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  v_month timestamp := date_trunc('month', p_at AT TIME ZONE 'UTC');
  v_name text := 'exposure_' || to_char(v_month, 'YYYY_MM');
BEGIN
  IF to_regclass('monitor.' || v_name) IS NULL THEN
    EXECUTE format('CREATE TABLE monitor.%I PARTITION OF monitor.exposure FOR VALUES FROM (%L) TO (%L)', v_name,
      v_month AT TIME ZONE 'UTC', (v_month + interval '1 month') AT TIME ZONE 'UTC');
  END IF;
END $$;

CREATE TABLE monitor.alarms (
  id uuid PRIMARY KEY,
  dedupe_key text NOT NULL UNIQUE,
  alarm jsonb NOT NULL
);

-- Limits about which an alarm was raised and whose count has not fallen below since.
CREATE TABLE monitor.raised_limits (
  user_id uuid NOT NULL,
  measure text NOT NULL,
  "window" text NOT NULL,
  action text NOT NULL,
  type text NOT NULL,
  max integer NOT NULL,
  PRIMARY KEY (user_id, measure, "window", action, type)
);

-- Facts and alarms to be published, in this order; deleted after the broker's confirmation.
CREATE TABLE monitor.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject text NOT NULL,
  msg_id text NOT NULL,
  payload jsonb NOT NULL
);

-- Cut-offs under way and done. The alarm follows when all have confirmed, or a second after the fact was published.
CREATE TABLE monitor.cutoffs (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  epoch integer NOT NULL,
  refused_at timestamptz NOT NULL,
  cause jsonb NOT NULL,
  emitted_at timestamptz,
  alarm_id uuid
);
CREATE INDEX cutoffs_open ON monitor.cutoffs (emitted_at) WHERE alarm_id IS NULL;
CREATE TABLE monitor.cutoff_confirmations (
  cutoff_id uuid NOT NULL,
  service text NOT NULL,
  instance text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (cutoff_id, service, instance)
);
`;
