/**
 * The schema `watch`: the disclosure log, which is also the counter, and what the gate says to the outside.
 *
 * No CHECK stands on these tables: a violated one quotes the whole row in its error. The gate judges its arguments itself.
 */
export const DISCLOSURE_LOG = `
CREATE TABLE watch.disclosures (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  user_id uuid NOT NULL,
  is_admin boolean NOT NULL,
  epoch integer NOT NULL,
  measure text NOT NULL,
  kind text NOT NULL,
  subject_type text NOT NULL,
  subject_ids uuid[] NOT NULL,
  -- The card of an opening, for counting distinct ones without touching the array.
  subject_id uuid GENERATED ALWAYS AS (subject_ids[1]) STORED,
  -- What it counts: 1 for an opening or a lookup, the rows of a list or an export.
  amount integer NOT NULL,
  masked boolean NOT NULL,
  request_id uuid NOT NULL,
  session_id uuid,
  token_id uuid,
  ip text,
  -- The limits that it brought near or past their maximum; null for most.
  limits jsonb
);
CREATE INDEX disclosures_counter ON watch.disclosures (user_id, measure, at) INCLUDE (epoch, subject_id, amount);
CREATE INDEX disclosures_request ON watch.disclosures (request_id);

CREATE TABLE watch.refusals (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  user_id uuid NOT NULL,
  is_admin boolean NOT NULL,
  epoch integer NOT NULL,
  measure text NOT NULL,
  kind text NOT NULL,
  subject_type text NOT NULL,
  masked boolean NOT NULL,
  request_id uuid NOT NULL,
  session_id uuid,
  token_id uuid,
  ip text,
  cause jsonb NOT NULL,
  held boolean NOT NULL,
  -- Refusals of the same person in the minute after this one.
  further integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX refusals_person ON watch.refusals (user_id, at);
CREATE INDEX refusals_request ON watch.refusals (request_id);

CREATE TABLE watch.holds (
  user_id uuid NOT NULL,
  epoch integer NOT NULL,
  cause jsonb NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (user_id, epoch)
);

-- A queue: the gateway's relay publishes a row and deletes it after the broker's confirmation.
CREATE TABLE watch.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL,
  payload jsonb NOT NULL
);

CREATE FUNCTION watch.iso(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- The event of a disclosure (contracts: WatchEvent). A broker's message is limited: more than 5,000 ids are left to the log.
CREATE FUNCTION watch.event_of(p watch.disclosures) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'id', p.id,
  'type', CASE WHEN p.measure IN ('deal.opened', 'contact.opened', 'company.opened') THEN 'card.viewed'
               WHEN p.measure = 'list.rows' THEN 'list.viewed' ELSE 'action.admitted' END,
  'at', watch.iso(p.at), 'userId', p.user_id, 'isAdmin', p.is_admin, 'epoch', p.epoch,
  'measure', p.measure, 'kind', p.kind, 'subjectType', p.subject_type,
  'subjectIds', CASE WHEN cardinality(p.subject_ids) > 5000 THEN '[]'::jsonb ELSE to_jsonb(p.subject_ids) END,
  'masked', p.masked, 'sessionId', p.session_id, 'tokenId', p.token_id, 'ip', p.ip,
  'limits', coalesce(p.limits, '[]'::jsonb), 'refusedBy', NULL, 'held', false);

CREATE FUNCTION watch.event_of(p watch.refusals) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'id', p.id, 'type', 'view.refused',
  'at', watch.iso(p.at), 'userId', p.user_id, 'isAdmin', p.is_admin, 'epoch', p.epoch,
  'measure', p.measure, 'kind', p.kind, 'subjectType', p.subject_type, 'subjectIds', '[]'::jsonb,
  'masked', p.masked, 'sessionId', p.session_id, 'tokenId', p.token_id, 'ip', p.ip,
  'limits', '[]'::jsonb, 'refusedBy', p.cause, 'held', p.held);
`;
