TABLE access.api_tokens OWNER palisade_gateway
  id uuid NOT NULL
  token_hash bytea NOT NULL
  user_id uuid NOT NULL
  epoch integer NOT NULL
  name text NOT NULL
  scopes text[] NOT NULL
  cidrs text[] NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  expires_at timestamp with time zone
  ended_at timestamp with time zone
  ended_reason text
  api_tokens_check CHECK (((ended_at IS NULL) = (ended_reason IS NULL)))
  api_tokens_token_hash_check CHECK ((length(token_hash) = 32))
  CREATE UNIQUE INDEX api_tokens_pkey ON access.api_tokens USING btree (id)
  CREATE UNIQUE INDEX api_tokens_token_hash_key ON access.api_tokens USING btree (token_hash)
  CREATE INDEX api_tokens_user_id_idx ON access.api_tokens USING btree (user_id) WHERE (ended_at IS NULL)

TABLE access.audit OWNER palisade_gateway
  id uuid NOT NULL
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  type text NOT NULL
  actor_id uuid
  ip text
  details jsonb NOT NULL DEFAULT '{}'::jsonb
  position bigint NOT NULL
  tx_id xid8 NOT NULL DEFAULT pg_current_xact_id()
  CREATE INDEX audit_at_idx ON access.audit USING btree (at)
  CREATE UNIQUE INDEX audit_pkey ON access.audit USING btree (id)
  CREATE UNIQUE INDEX audit_commit_order ON access.audit USING btree (tx_id, "position")
  GRANT SELECT TO palisade_core
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_gateway

SEQUENCE access.audit_position_seq OWNER palisade_gateway

TABLE access.credentials OWNER palisade_gateway
  user_id uuid NOT NULL
  password_hash text NOT NULL
  version integer NOT NULL DEFAULT 1
  updated_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  CREATE UNIQUE INDEX credentials_pkey ON access.credentials USING btree (user_id)

TABLE access.export_parts OWNER palisade_gateway
  export_id uuid NOT NULL
  first_row integer NOT NULL
  row_count integer NOT NULL
  sealed text NOT NULL
  export_parts_export_id_fkey FOREIGN KEY (export_id) REFERENCES access.exports(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX export_parts_pkey ON access.export_parts USING btree (export_id, first_row)

TABLE access.exports OWNER palisade_gateway
  id uuid NOT NULL
  user_id uuid NOT NULL
  epoch integer NOT NULL
  record_type text NOT NULL
  format text NOT NULL
  of_deleted boolean NOT NULL
  request_hmac bytea NOT NULL
  state text NOT NULL DEFAULT 'queued'::text
  row_ids uuid[] NOT NULL
  rows integer NOT NULL
  done integer NOT NULL DEFAULT 0
  wrapped_key bytea
  claims integer NOT NULL DEFAULT 0
  lease_until timestamp with time zone
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  finished_at timestamp with time zone
  exports_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
  exports_format_check CHECK ((format = ANY (ARRAY['csv'::text, 'xlsx'::text])))
  exports_record_type_check CHECK ((record_type = ANY (ARRAY['contact'::text, 'company'::text, 'deal'::text])))
  CREATE UNIQUE INDEX exports_pkey ON access.exports USING btree (id)
  CREATE INDEX exports_by_age ON access.exports USING btree (created_at)
  CREATE INDEX exports_kept ON access.exports USING btree (user_id) WHERE (wrapped_key IS NOT NULL)
  CREATE INDEX exports_due ON access.exports USING btree (created_at) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]))

TABLE access.import_parts OWNER palisade_gateway
  import_id uuid NOT NULL
  part integer NOT NULL
  row_count integer NOT NULL
  command_id uuid NOT NULL
  sealed text NOT NULL
  import_parts_import_id_fkey FOREIGN KEY (import_id) REFERENCES access.imports(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX import_parts_pkey ON access.import_parts USING btree (import_id, part)

TABLE access.imports OWNER palisade_gateway
  id uuid NOT NULL
  user_id uuid NOT NULL
  epoch integer NOT NULL
  session_id uuid
  token_id uuid
  ip text NOT NULL
  dry_run boolean NOT NULL
  request_hmac bytea NOT NULL
  state text NOT NULL DEFAULT 'queued'::text
  rows integer NOT NULL
  done integer NOT NULL DEFAULT 0
  refused integer NOT NULL DEFAULT 0
  refused_lines jsonb NOT NULL DEFAULT '[]'::jsonb
  claims integer NOT NULL DEFAULT 0
  lease_until timestamp with time zone
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  finished_at timestamp with time zone
  imports_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
  CREATE UNIQUE INDEX imports_pkey ON access.imports USING btree (id)
  CREATE INDEX imports_by_age ON access.imports USING btree (created_at)
  CREATE INDEX imports_due ON access.imports USING btree (created_at) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]))

TABLE access.invitations OWNER palisade_gateway
  token_hash bytea NOT NULL
  user_id uuid NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  expires_at timestamp with time zone NOT NULL
  ended_at timestamp with time zone
  invitations_token_hash_check CHECK ((length(token_hash) = 32))
  CREATE INDEX invitations_user_id_idx ON access.invitations USING btree (user_id)
  CREATE UNIQUE INDEX invitations_pkey ON access.invitations USING btree (token_hash)

TABLE access.known_addresses OWNER palisade_gateway
  user_id uuid NOT NULL
  ip text NOT NULL
  last_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  CREATE UNIQUE INDEX known_addresses_pkey ON access.known_addresses USING btree (user_id, ip)

TABLE access.recovery_codes OWNER palisade_gateway
  code_hash bytea NOT NULL
  user_id uuid NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  used_at timestamp with time zone
  recovery_codes_code_hash_check CHECK ((length(code_hash) = 32))
  CREATE INDEX recovery_codes_user_id_idx ON access.recovery_codes USING btree (user_id)
  CREATE UNIQUE INDEX recovery_codes_pkey ON access.recovery_codes USING btree (code_hash)

TABLE access.refused_requests OWNER palisade_gateway
  user_id uuid NOT NULL
  second timestamp with time zone NOT NULL
  count integer NOT NULL
  CREATE INDEX refused_requests_second ON access.refused_requests USING btree (second)
  CREATE UNIQUE INDEX refused_requests_pkey ON access.refused_requests USING btree (user_id, second)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_gateway
  GRANT SELECT TO palisade_monitor

VIEW access.refused_sign_ins OWNER palisade_gateway
 SELECT id,
    at,
    type,
    actor_id,
    ip,
    (details ->> 'account'::text) AS account,
    (details ->> 'reason'::text) AS reason
   FROM access.audit
  WHERE (type = ANY (ARRAY['sign-in.failed'::text, 'sign-in.refused'::text]));
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_gateway
  GRANT SELECT TO palisade_monitor

TABLE access.second_factors OWNER palisade_gateway
  user_id uuid NOT NULL
  sealed_secret text NOT NULL
  last_step bigint NOT NULL DEFAULT 0
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  confirmed_at timestamp with time zone
  CREATE UNIQUE INDEX second_factors_pkey ON access.second_factors USING btree (user_id)

TABLE access.secrets OWNER palisade_gateway
  name text NOT NULL
  value bytea NOT NULL
  CREATE UNIQUE INDEX secrets_pkey ON access.secrets USING btree (name)

TABLE access.sessions OWNER palisade_gateway
  id uuid NOT NULL
  token_hash bytea NOT NULL
  user_id uuid NOT NULL
  epoch integer NOT NULL
  ip text NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  last_seen_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  expires_at timestamp with time zone NOT NULL
  ended_at timestamp with time zone
  ended_reason text
  sessions_check CHECK (((ended_at IS NULL) = (ended_reason IS NULL)))
  sessions_token_hash_check CHECK ((length(token_hash) = 32))
  CREATE UNIQUE INDEX sessions_pkey ON access.sessions USING btree (id)
  CREATE UNIQUE INDEX sessions_token_hash_key ON access.sessions USING btree (token_hash)
  CREATE INDEX sessions_user_id_idx ON access.sessions USING btree (user_id) WHERE (ended_at IS NULL)

TABLE access.sign_in_failures OWNER palisade_gateway
  id bigint NOT NULL
  account bytea NOT NULL
  ip text NOT NULL
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  at_second_factor boolean NOT NULL DEFAULT false
  CREATE INDEX sign_in_failures_at_idx ON access.sign_in_failures USING btree (at)
  CREATE UNIQUE INDEX sign_in_failures_pkey ON access.sign_in_failures USING btree (id)
  CREATE INDEX sign_in_failures_ip_at_idx ON access.sign_in_failures USING btree (ip, at)
  CREATE INDEX sign_in_failures_account_at_idx ON access.sign_in_failures USING btree (account, at)

SEQUENCE access.sign_in_failures_id_seq OWNER palisade_gateway

TABLE access.webhook_deliveries OWNER palisade_gateway
  webhook_id uuid NOT NULL
  alarm_id uuid NOT NULL
  type text NOT NULL
  body text
  state text NOT NULL DEFAULT 'pending'::text
  attempts integer NOT NULL DEFAULT 0
  due_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  lease_until timestamp with time zone
  last_fault text
  last_status integer
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  finished_at timestamp with time zone
  webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'dead'::text])))
  webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES access.webhooks(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX webhook_deliveries_pkey ON access.webhook_deliveries USING btree (webhook_id, alarm_id)
  CREATE INDEX webhook_deliveries_done ON access.webhook_deliveries USING btree (finished_at) WHERE (state <> 'pending'::text)
  CREATE INDEX webhook_deliveries_due ON access.webhook_deliveries USING btree (webhook_id, alarm_id) WHERE (state = 'pending'::text)

TABLE access.webhooks OWNER palisade_gateway
  id uuid NOT NULL
  sealed text
  types text[] NOT NULL
  request_hmac bytea NOT NULL
  after_alarm_id uuid NOT NULL DEFAULT uuidv7()
  noted_alarm_id uuid
  created_by uuid NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  ended_at timestamp with time zone
  CREATE UNIQUE INDEX webhooks_pkey ON access.webhooks USING btree (id)
  CREATE INDEX webhooks_live ON access.webhooks USING btree (id) WHERE (ended_at IS NULL)

TABLE es.checkpoints OWNER palisade_core
  name text NOT NULL
  tx_id xid8 NOT NULL
  seq bigint NOT NULL
  incarnation text NOT NULL DEFAULT ''::text
  CREATE UNIQUE INDEX checkpoints_pkey ON es.checkpoints USING btree (name)

TABLE es.commands OWNER palisade_core
  id uuid NOT NULL
  body_mac bytea NOT NULL
  outcome jsonb NOT NULL
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  CREATE INDEX commands_at ON es.commands USING btree (at)
  CREATE UNIQUE INDEX commands_pkey ON es.commands USING btree (id)

TABLE es.events OWNER palisade_core
  seq bigint NOT NULL
  tx_id xid8 NOT NULL
  id uuid NOT NULL
  stream text NOT NULL
  version integer NOT NULL
  type text NOT NULL
  schema_version smallint NOT NULL
  data jsonb NOT NULL
  metadata jsonb NOT NULL
  events_version_check CHECK ((version > 0))
  CREATE UNIQUE INDEX events_pkey ON es.events USING btree (seq)
  CREATE UNIQUE INDEX events_id_key ON es.events USING btree (id)
  CREATE INDEX events_commit_order ON es.events USING btree (tx_id, seq)
  CREATE UNIQUE INDEX events_stream_version_key ON es.events USING btree (stream, version)
  CREATE INDEX events_erasing ON es.events USING btree (stream, version) WHERE (type ~~ '%Erased'::text)
  CREATE INDEX events_lead_contact ON es.events USING btree (((data ->> 'contactId'::text))) WHERE (type = 'LeadAccepted'::text)
  CREATE INDEX events_actor ON es.events USING btree (((metadata ->> 'actorId'::text)), ((metadata ->> 'at'::text)) COLLATE "C") WHERE ((metadata ->> 'actorId'::text) IS NOT NULL)
  GRANT INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER TO palisade_core

SEQUENCE es.events_seq OWNER palisade_core

TABLE es.form_turns OWNER palisade_core
  form_id uuid NOT NULL
  user_id uuid NOT NULL
  CREATE UNIQUE INDEX form_turns_pkey ON es.form_turns USING btree (form_id)

SEQUENCE es.lead_numbers OWNER palisade_core

TABLE es.leads_set_aside OWNER palisade_core
  lead_id uuid NOT NULL
  form_id uuid NOT NULL
  reason_code text NOT NULL
  received jsonb NOT NULL
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  CREATE UNIQUE INDEX leads_set_aside_pkey ON es.leads_set_aside USING btree (lead_id)

TABLE es.rewind_entries OWNER palisade_core
  rewind_id uuid NOT NULL
  list text NOT NULL
  seq bigint NOT NULL
  field text NOT NULL
  stream text NOT NULL
  entry jsonb NOT NULL
  rewind_entries_list_check CHECK ((list = ANY (ARRAY['changes'::text, 'conflicts'::text])))
  rewind_entries_rewind_id_fkey FOREIGN KEY (rewind_id) REFERENCES es.rewinds(id) ON DELETE CASCADE
  CREATE INDEX rewind_entries_stream ON es.rewind_entries USING btree (rewind_id, stream)
  CREATE UNIQUE INDEX rewind_entries_pkey ON es.rewind_entries USING btree (rewind_id, list, seq, field)

TABLE es.rewind_records OWNER palisade_core
  rewind_id uuid NOT NULL
  stream text NOT NULL
  version integer NOT NULL
  newest_seq bigint NOT NULL
  changes integer NOT NULL
  state text NOT NULL
  rewind_records_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'failed'::text])))
  rewind_records_rewind_id_fkey FOREIGN KEY (rewind_id) REFERENCES es.rewinds(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX rewind_records_pkey ON es.rewind_records USING btree (rewind_id, stream)
  CREATE INDEX rewind_records_pending ON es.rewind_records USING btree (rewind_id, newest_seq) WHERE (state = 'pending'::text)

TABLE es.rewinds OWNER palisade_core
  id uuid NOT NULL
  user_id uuid NOT NULL
  since text NOT NULL
  until text NOT NULL
  state text NOT NULL
  asked jsonb NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  rewinds_state_check CHECK ((state = ANY (ARRAY['preview'::text, 'running'::text, 'done'::text, 'failed'::text])))
  CREATE UNIQUE INDEX rewinds_pkey ON es.rewinds USING btree (id)
  CREATE INDEX rewinds_running ON es.rewinds USING btree (created_at) WHERE (state = 'running'::text)
  CREATE INDEX rewinds_previews ON es.rewinds USING btree (created_at) WHERE (state = 'preview'::text)

TABLE es.seals OWNER palisade_core
  number bigint NOT NULL
  first_tx xid8 NOT NULL
  first_seq bigint NOT NULL
  last_tx xid8 NOT NULL
  last_seq bigint NOT NULL
  event_ids uuid[] NOT NULL
  event_hashes bytea NOT NULL
  total bigint NOT NULL
  root bytea NOT NULL
  previous_head bytea NOT NULL
  head bytea NOT NULL
  signature bytea NOT NULL
  key_id text NOT NULL
  sealed_at timestamp with time zone NOT NULL
  seals_check CHECK ((length(event_hashes) = (32 * cardinality(event_ids))))
  seals_head_check CHECK ((length(head) = 32))
  seals_root_check CHECK ((length(root) = 32))
  seals_number_check CHECK ((number > 0))
  seals_event_ids_check CHECK ((cardinality(event_ids) > 0))
  seals_previous_head_check CHECK ((length(previous_head) = 32))
  CREATE UNIQUE INDEX seals_pkey ON es.seals USING btree (number)
  CREATE UNIQUE INDEX seals_head_key ON es.seals USING btree (head)
  GRANT INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER TO palisade_core

TABLE monitor.alarms OWNER palisade_monitor
  id uuid NOT NULL
  dedupe_key text NOT NULL
  alarm jsonb NOT NULL
  CREATE UNIQUE INDEX alarms_pkey ON monitor.alarms USING btree (id)
  CREATE UNIQUE INDEX alarms_dedupe_key_key ON monitor.alarms USING btree (dedupe_key)
  CREATE INDEX alarms_type ON monitor.alarms USING btree (((alarm ->> 'type'::text)), id)
  CREATE INDEX alarms_person ON monitor.alarms USING btree (((alarm ->> 'userId'::text)), id)

TABLE monitor.checkpoints OWNER palisade_monitor
  name text NOT NULL
  partition integer NOT NULL
  incarnation text NOT NULL
  stream_seq bigint NOT NULL
  CREATE UNIQUE INDEX checkpoints_pkey ON monitor.checkpoints USING btree (name, partition)

TABLE monitor.cutoff_confirmations OWNER palisade_monitor
  cutoff_id uuid NOT NULL
  service text NOT NULL
  instance text NOT NULL
  at timestamp with time zone NOT NULL
  CREATE UNIQUE INDEX cutoff_confirmations_pkey ON monitor.cutoff_confirmations USING btree (cutoff_id, service, instance)

TABLE monitor.cutoffs OWNER palisade_monitor
  id uuid NOT NULL
  user_id uuid NOT NULL
  epoch integer NOT NULL
  refused_at timestamp with time zone NOT NULL
  cause jsonb NOT NULL
  emitted_at timestamp with time zone
  alarm_id uuid
  CREATE UNIQUE INDEX cutoffs_pkey ON monitor.cutoffs USING btree (id)
  CREATE INDEX cutoffs_open ON monitor.cutoffs USING btree (emitted_at) WHERE (alarm_id IS NULL)

TABLE monitor.day_limits OWNER palisade_monitor
  day date NOT NULL
  scope text NOT NULL
  id uuid NOT NULL
  figure text NOT NULL
  span text NOT NULL
  max double precision NOT NULL
  carried integer NOT NULL
  familiar jsonb
  usual jsonb NOT NULL
  CREATE UNIQUE INDEX day_limits_pkey ON monitor.day_limits USING btree (day, scope, id, figure, span)

TABLE monitor.emptied_lists OWNER palisade_monitor
  id uuid NOT NULL
  at timestamp with time zone NOT NULL
  user_id uuid NOT NULL
  CREATE UNIQUE INDEX emptied_lists_pkey ON monitor.emptied_lists USING btree (id)
  CREATE INDEX emptied_lists_person ON monitor.emptied_lists USING btree (user_id, at)

TABLE monitor.exposure OWNER palisade_monitor
  at timestamp with time zone NOT NULL
  disclosure_id uuid NOT NULL
  subject_id uuid NOT NULL
  subject_type text NOT NULL
  user_id uuid NOT NULL
  measure text NOT NULL
  kind text NOT NULL
  masked boolean NOT NULL
  ip text
  session_id uuid
  token_id uuid
  CREATE UNIQUE INDEX exposure_pkey ON ONLY monitor.exposure USING btree (at, disclosure_id, subject_id)
  CREATE INDEX exposure_acts ON ONLY monitor.exposure USING btree (user_id, measure, at) WHERE (kind = ANY ('{deletion,reassignment}'::text[]))
  CREATE INDEX exposure_person_subjects ON ONLY monitor.exposure USING btree (user_id, subject_id, at) WHERE (kind <> ALL ('{deletion,reassignment}'::text[]))
  CREATE INDEX exposure_person ON ONLY monitor.exposure USING btree (user_id, at, disclosure_id, subject_id) WHERE (kind <> ALL ('{deletion,reassignment}'::text[]))
  CREATE INDEX exposure_subject ON ONLY monitor.exposure USING btree (subject_id, at, disclosure_id, user_id) WHERE (kind <> ALL ('{deletion,reassignment}'::text[]))

TABLE monitor.folded OWNER palisade_monitor
  event_id uuid NOT NULL
  CREATE UNIQUE INDEX folded_pkey ON monitor.folded USING btree (event_id)

TABLE monitor.hiding_rewinds OWNER palisade_monitor
  id uuid NOT NULL
  at timestamp with time zone NOT NULL
  user_id uuid
  hides integer NOT NULL
  CREATE UNIQUE INDEX hiding_rewinds_pkey ON monitor.hiding_rewinds USING btree (id)
  CREATE INDEX hiding_rewinds_person ON monitor.hiding_rewinds USING btree (user_id, at)

TABLE monitor.limited_days OWNER palisade_monitor
  day date NOT NULL
  people integer NOT NULL
  CREATE UNIQUE INDEX limited_days_pkey ON monitor.limited_days USING btree (day)

TABLE monitor.members OWNER palisade_monitor
  instance text NOT NULL
  seen_at timestamp with time zone NOT NULL
  CREATE UNIQUE INDEX members_pkey ON monitor.members USING btree (instance)

TABLE monitor.outbox OWNER palisade_monitor
  seq bigint NOT NULL
  subject text NOT NULL
  msg_id text NOT NULL
  payload jsonb NOT NULL
  CREATE UNIQUE INDEX outbox_pkey ON monitor.outbox USING btree (seq)

SEQUENCE monitor.outbox_seq_seq OWNER palisade_monitor

TABLE monitor.partition_leases OWNER palisade_monitor
  partition integer NOT NULL
  owner text
  CREATE UNIQUE INDEX partition_leases_pkey ON monitor.partition_leases USING btree (partition)

TABLE monitor.patterns_told OWNER palisade_monitor
  scope text NOT NULL
  id uuid NOT NULL
  figure text NOT NULL
  span text NOT NULL
  day date NOT NULL
  CREATE UNIQUE INDEX patterns_told_pkey ON monitor.patterns_told USING btree (scope, id, figure, span, day)

TABLE monitor.raised_limits OWNER palisade_monitor
  user_id uuid NOT NULL
  measure text NOT NULL
  window text NOT NULL
  action text NOT NULL
  type text NOT NULL
  max integer NOT NULL
  CREATE UNIQUE INDEX raised_limits_pkey ON monitor.raised_limits USING btree (user_id, measure, "window", action, type)

TABLE monitor.self_checks OWNER palisade_monitor
  name text NOT NULL
  checked_until timestamp with time zone NOT NULL
  CREATE UNIQUE INDEX self_checks_pkey ON monitor.self_checks USING btree (name)

TABLE monitor.sighting_days OWNER palisade_monitor
  scope text NOT NULL
  id uuid NOT NULL
  day date NOT NULL
  familiar integer NOT NULL
  unfamiliar integer NOT NULL
  CREATE INDEX sighting_days_day ON monitor.sighting_days USING btree (day)
  CREATE UNIQUE INDEX sighting_days_pkey ON monitor.sighting_days USING btree (scope, id, day)

TABLE monitor.sighting_progress OWNER palisade_monitor
  singleton boolean NOT NULL DEFAULT true
  read_until timestamp with time zone
  last_id uuid
  CREATE UNIQUE INDEX sighting_progress_pkey ON monitor.sighting_progress USING btree (singleton)

TABLE monitor.sightings OWNER palisade_monitor
  circle_id uuid NOT NULL
  subject_id uuid NOT NULL
  day date NOT NULL
  user_id uuid NOT NULL
  CREATE INDEX sightings_day ON monitor.sightings USING brin (day)
  CREATE UNIQUE INDEX sightings_pkey ON monitor.sightings USING btree (circle_id, subject_id, day, user_id)

TABLE monitor.window_subjects OWNER palisade_monitor
  user_id uuid NOT NULL
  measure text NOT NULL
  window text NOT NULL
  bucket_start timestamp with time zone NOT NULL
  subject_id uuid NOT NULL
  CREATE UNIQUE INDEX window_subjects_pkey ON monitor.window_subjects USING btree (user_id, measure, "window", bucket_start, subject_id)

TABLE monitor.windows OWNER palisade_monitor
  user_id uuid NOT NULL
  measure text NOT NULL
  window text NOT NULL
  bucket_start timestamp with time zone NOT NULL
  opens bigint NOT NULL
  distinct_subjects bigint NOT NULL
  CREATE INDEX windows_days ON monitor.windows USING btree (bucket_start) WHERE ("window" = 'day'::text)
  CREATE UNIQUE INDEX windows_pkey ON monitor.windows USING btree (user_id, measure, "window", bucket_start)

TABLE read.audit OWNER palisade_core
  id uuid NOT NULL
  at timestamp with time zone NOT NULL
  type text NOT NULL
  actor_id uuid
  ip text
  details jsonb NOT NULL
  CREATE UNIQUE INDEX audit_pkey ON read.audit USING btree (id)
  CREATE INDEX audit_newest ON read.audit USING btree (at DESC, id DESC)
  CREATE INDEX audit_type ON read.audit USING btree (type, at DESC, id DESC)
  CREATE INDEX audit_actor ON read.audit USING btree (actor_id, at DESC, id DESC)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.calls OWNER palisade_core
  id uuid NOT NULL
  record_type text NOT NULL
  record_id uuid NOT NULL
  phone_id uuid NOT NULL
  placed_by uuid NOT NULL
  placed_at timestamp with time zone NOT NULL
  state text NOT NULL
  cause text
  version integer NOT NULL
  CREATE UNIQUE INDEX calls_pkey ON read.calls USING btree (id)
  CREATE INDEX calls_open ON read.calls USING btree (placed_at) WHERE (state = 'placed'::text)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.companies OWNER palisade_core
  id uuid NOT NULL
  name text NOT NULL
  phones jsonb NOT NULL DEFAULT '[]'::jsonb
  emails jsonb NOT NULL DEFAULT '[]'::jsonb
  website text
  address text
  responsible_id uuid
  note text
  tags text[] NOT NULL DEFAULT '{}'::text[]
  custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb
  created_by uuid
  created_at timestamp with time zone NOT NULL
  updated_at timestamp with time zone NOT NULL
  deleted_at timestamp with time zone
  version integer NOT NULL
  search tsvector NOT NULL
  CREATE UNIQUE INDEX companies_pkey ON read.companies USING btree (id)
  CREATE INDEX companies_search_idx ON read.companies USING gin (search)
  CREATE INDEX companies_name_id_idx ON read.companies USING btree (name, id)
  CREATE INDEX companies_created_at_id_idx ON read.companies USING btree (created_at DESC, id DESC)
  CREATE INDEX companies_updated_at_id_idx ON read.companies USING btree (updated_at DESC, id DESC)
  CREATE INDEX companies_by_name ON read.companies USING btree (lower(name)) WHERE (deleted_at IS NULL)
  CREATE INDEX companies_responsible_id_created_at_id_idx ON read.companies USING btree (responsible_id, created_at DESC, id DESC)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.contacts OWNER palisade_core
  id uuid NOT NULL
  name text NOT NULL
  phones jsonb NOT NULL DEFAULT '[]'::jsonb
  emails jsonb NOT NULL DEFAULT '[]'::jsonb
  company_id uuid
  lead_id uuid
  responsible_id uuid
  note text
  tags text[] NOT NULL DEFAULT '{}'::text[]
  custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb
  created_by uuid
  created_at timestamp with time zone NOT NULL
  updated_at timestamp with time zone NOT NULL
  deleted_at timestamp with time zone
  version integer NOT NULL
  search tsvector NOT NULL
  CREATE UNIQUE INDEX contacts_pkey ON read.contacts USING btree (id)
  CREATE INDEX contacts_search_idx ON read.contacts USING gin (search)
  CREATE INDEX contacts_name_id_idx ON read.contacts USING btree (name, id)
  CREATE INDEX contacts_created_at_id_idx ON read.contacts USING btree (created_at DESC, id DESC)
  CREATE INDEX contacts_updated_at_id_idx ON read.contacts USING btree (updated_at DESC, id DESC)
  CREATE INDEX contacts_company_id_idx ON read.contacts USING btree (company_id) WHERE (company_id IS NOT NULL)
  CREATE INDEX contacts_responsible_id_created_at_id_idx ON read.contacts USING btree (responsible_id, created_at DESC, id DESC)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.custom_fields OWNER palisade_core
  id uuid NOT NULL
  record_type text NOT NULL
  name text NOT NULL
  type text NOT NULL
  choices text[]
  version integer NOT NULL
  custom_fields_type_check CHECK ((type = ANY (ARRAY['text'::text, 'number'::text, 'date'::text, 'boolean'::text, 'choice'::text, 'phone'::text])))
  custom_fields_record_type_check CHECK ((record_type = ANY (ARRAY['contact'::text, 'company'::text, 'deal'::text])))
  CREATE UNIQUE INDEX custom_fields_pkey ON read.custom_fields USING btree (id)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.deal_attributions OWNER palisade_core
  deal_id uuid NOT NULL
  values jsonb NOT NULL
  version integer NOT NULL
  CREATE UNIQUE INDEX deal_attributions_pkey ON read.deal_attributions USING btree (deal_id)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.deals OWNER palisade_core
  id uuid NOT NULL
  title text NOT NULL
  amount numeric(20,2)
  currency text
  pipeline_id uuid NOT NULL
  stage_id uuid NOT NULL
  status text NOT NULL
  contact_ids uuid[] NOT NULL DEFAULT '{}'::uuid[]
  company_id uuid
  lead_id uuid
  responsible_id uuid
  note text
  tags text[] NOT NULL DEFAULT '{}'::text[]
  custom_fields jsonb NOT NULL DEFAULT '{}'::jsonb
  created_by uuid
  created_at timestamp with time zone NOT NULL
  updated_at timestamp with time zone NOT NULL
  deleted_at timestamp with time zone
  version integer NOT NULL
  search tsvector NOT NULL
  lose_reason text
  deals_status_check CHECK ((status = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text])))
  CREATE UNIQUE INDEX deals_pkey ON read.deals USING btree (id)
  CREATE INDEX deals_search_idx ON read.deals USING gin (search)
  CREATE INDEX deals_title_id_idx ON read.deals USING btree (title, id)
  CREATE INDEX deals_contact_ids_idx ON read.deals USING gin (contact_ids)
  CREATE INDEX deals_created_at_id_idx ON read.deals USING btree (created_at DESC, id DESC)
  CREATE INDEX deals_updated_at_id_idx ON read.deals USING btree (updated_at DESC, id DESC)
  CREATE INDEX deals_company_id_idx ON read.deals USING btree (company_id) WHERE (company_id IS NOT NULL)
  CREATE INDEX deals_coalesce_id_idx ON read.deals USING btree (COALESCE(amount, '-Infinity'::numeric), id)
  CREATE INDEX deals_stage_id_created_at_id_idx ON read.deals USING btree (stage_id, created_at DESC, id DESC)
  CREATE INDEX deals_responsible_id_created_at_id_idx ON read.deals USING btree (responsible_id, created_at DESC, id DESC)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.departments OWNER palisade_core
  id uuid NOT NULL
  name text NOT NULL
  parent_id uuid
  role_ids uuid[] NOT NULL DEFAULT '{}'::uuid[]
  version integer NOT NULL
  CREATE UNIQUE INDEX departments_pkey ON read.departments USING btree (id)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway
  GRANT SELECT (id) TO palisade_monitor
  GRANT SELECT (role_ids) TO palisade_monitor
  GRANT SELECT (parent_id) TO palisade_monitor

TABLE read.erasures OWNER palisade_core
  contact_id uuid NOT NULL
  responsible_id uuid
  erased_at timestamp with time zone NOT NULL
  erased_by uuid
  act jsonb NOT NULL
  version integer NOT NULL
  CREATE UNIQUE INDEX erasures_pkey ON read.erasures USING btree (contact_id)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.forms OWNER palisade_core
  id uuid NOT NULL
  key text NOT NULL
  name text NOT NULL
  enabled boolean NOT NULL
  settings jsonb NOT NULL
  version integer NOT NULL
  deleted boolean NOT NULL DEFAULT false
  CREATE UNIQUE INDEX forms_pkey ON read.forms USING btree (id)
  CREATE UNIQUE INDEX forms_key_key ON read.forms USING btree (key)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.leads OWNER palisade_core
  id uuid NOT NULL
  form_id uuid NOT NULL
  state text NOT NULL
  reason text
  received_at timestamp with time zone NOT NULL
  shown jsonb
  attribution jsonb
  possible_duplicates uuid[] NOT NULL DEFAULT '{}'::uuid[]
  version integer NOT NULL
  CREATE UNIQUE INDEX leads_pkey ON read.leads USING btree (id)
  CREATE INDEX leads_waiting ON read.leads USING btree (state, received_at DESC, id DESC) WHERE (state <> 'accepted'::text)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.pipelines OWNER palisade_core
  id uuid NOT NULL
  name text NOT NULL
  stages jsonb NOT NULL
  position integer NOT NULL
  version integer NOT NULL
  CREATE UNIQUE INDEX pipelines_pkey ON read.pipelines USING btree (id)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.principals OWNER palisade_core
  user_id uuid NOT NULL
  status text NOT NULL
  is_admin boolean NOT NULL
  department_id uuid
  role_ids uuid[] NOT NULL DEFAULT '{}'::uuid[]
  epoch integer NOT NULL
  epoch_since timestamp with time zone NOT NULL
  version integer NOT NULL
  principals_status_check CHECK ((status = ANY (ARRAY['invited'::text, 'active'::text, 'deactivated'::text])))
  CREATE UNIQUE INDEX principals_pkey ON read.principals USING btree (user_id)
  CREATE INDEX principals_department_id_idx ON read.principals USING btree (department_id)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway
  GRANT SELECT TO palisade_monitor

TABLE read.reveals OWNER palisade_core
  id uuid NOT NULL
  record_type text NOT NULL
  record_id uuid NOT NULL
  reason text
  version integer NOT NULL
  CREATE UNIQUE INDEX reveals_pkey ON read.reveals USING btree (id)
  CREATE INDEX reveals_record ON read.reveals USING btree (record_id)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.roles OWNER palisade_core
  id uuid NOT NULL
  name text NOT NULL
  extends_id uuid
  grants jsonb NOT NULL
  version integer NOT NULL
  require_second_factor boolean NOT NULL DEFAULT false
  CREATE UNIQUE INDEX roles_pkey ON read.roles USING btree (id)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway

TABLE read.security OWNER palisade_core
  singleton boolean NOT NULL DEFAULT true
  settings jsonb NOT NULL
  authz_version bigint NOT NULL
  version integer NOT NULL
  security_singleton_check CHECK (singleton)
  CREATE UNIQUE INDEX security_pkey ON read.security USING btree (singleton)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway
  GRANT SELECT TO palisade_monitor

TABLE read.users OWNER palisade_core
  id uuid NOT NULL
  email text NOT NULL
  name text NOT NULL
  status text NOT NULL
  is_admin boolean NOT NULL
  role_ids uuid[] NOT NULL DEFAULT '{}'::uuid[]
  department_id uuid
  created_at timestamp with time zone NOT NULL
  updated_at timestamp with time zone NOT NULL
  version integer NOT NULL
  users_status_check CHECK ((status = ANY (ARRAY['invited'::text, 'active'::text, 'deactivated'::text])))
  CREATE UNIQUE INDEX users_pkey ON read.users USING btree (id)
  CREATE UNIQUE INDEX users_email_key ON read.users USING btree (lower(email))
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_core
  GRANT SELECT TO palisade_gateway
  GRANT SELECT (id) TO palisade_monitor
  GRANT SELECT (name) TO palisade_monitor
  GRANT SELECT (status) TO palisade_monitor

TABLE vault.keys OWNER palisade_core
  owner text NOT NULL
  wrapped bytea NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  CREATE UNIQUE INDEX keys_pkey ON vault.keys USING btree (owner)
  CREATE TRIGGER refuse_retired_kek AFTER UPDATE OF wrapped ON vault.keys FOR EACH ROW EXECUTE FUNCTION vault.refuse_retired_kek()
  CREATE TRIGGER refuse_retired_keks AFTER INSERT ON vault.keys REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION vault.refuse_retired_keks()

TABLE vault.points OWNER palisade_core
  id uuid NOT NULL
  record_type text NOT NULL
  record_id uuid NOT NULL
  kind text NOT NULL
  blind_index bytea
  sealed text NOT NULL
  points_kind_check CHECK ((kind = ANY (ARRAY['phone'::text, 'email'::text])))
  points_record_type_check CHECK ((record_type = ANY (ARRAY['contact'::text, 'company'::text])))
  CREATE UNIQUE INDEX points_pkey ON vault.points USING btree (id)
  CREATE INDEX points_record ON vault.points USING btree (record_id)
  CREATE INDEX points_blind_index ON vault.points USING btree (blind_index) WHERE (blind_index IS NOT NULL)

TABLE vault.retired_keks OWNER palisade_core
  id text NOT NULL
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  CREATE UNIQUE INDEX retired_keks_pkey ON vault.retired_keks USING btree (id)

TABLE vault.service_keys OWNER palisade_core
  name text NOT NULL
  sealed text NOT NULL
  CREATE UNIQUE INDEX service_keys_pkey ON vault.service_keys USING btree (name)

TABLE watch.disclosures OWNER palisade_monitor
  id uuid NOT NULL
  at timestamp with time zone NOT NULL
  user_id uuid NOT NULL
  is_admin boolean NOT NULL
  epoch integer NOT NULL
  measure text NOT NULL
  kind text NOT NULL
  subject_type text NOT NULL
  subject_ids uuid[] NOT NULL
  subject_id uuid DEFAULT subject_ids[1]
  amount integer NOT NULL
  masked boolean NOT NULL
  request_id uuid NOT NULL
  session_id uuid
  token_id uuid
  ip text
  limits jsonb
  named_contacts uuid[] NOT NULL DEFAULT '{}'::uuid[]
  tally_distinct boolean
  hour_eve timestamp with time zone
  hour_count integer
  day_eve timestamp with time zone
  day_count integer
  cards_hour_eve timestamp with time zone
  cards_hour_count integer
  cards_day_eve timestamp with time zone
  cards_day_count integer
  cards_version bigint
  CREATE UNIQUE INDEX disclosures_pkey ON watch.disclosures USING btree (id)
  CREATE INDEX disclosures_request ON watch.disclosures USING btree (request_id)
  CREATE INDEX disclosures_counter ON watch.disclosures USING btree (user_id, epoch, measure, at)
  CREATE INDEX disclosures_card ON watch.disclosures USING btree (user_id, epoch, subject_id, at) WHERE (measure = ANY (ARRAY['deal.opened'::text, 'contact.opened'::text, 'company.opened'::text]))
  CREATE TRIGGER forget_tallies AFTER DELETE OR UPDATE OF at, user_id, epoch, measure, subject_ids, amount, tally_distinct, hour_eve, hour_count, day_eve, day_count ON watch.disclosures FOR EACH ROW EXECUTE FUNCTION watch.forget_tallies()
  CREATE TRIGGER forget_tallies_written AFTER INSERT ON watch.disclosures FOR EACH ROW WHEN ((new.tally_distinct IS NULL)) EXECUTE FUNCTION watch.forget_tallies()
  GRANT INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER TO palisade_monitor
  GRANT UPDATE (named_contacts) TO palisade_monitor
  GRANT UPDATE (tally_distinct) TO palisade_monitor

TABLE watch.further_refusals OWNER palisade_monitor
  refusal_id uuid NOT NULL
  attempts integer NOT NULL DEFAULT 1
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_monitor

TABLE watch.holds OWNER palisade_monitor
  user_id uuid NOT NULL
  epoch integer NOT NULL
  cause jsonb NOT NULL
  at timestamp with time zone NOT NULL
  CREATE UNIQUE INDEX holds_pkey ON watch.holds USING btree (user_id, epoch)
  CREATE TRIGGER forget_tallies AFTER INSERT ON watch.holds FOR EACH ROW EXECUTE FUNCTION watch.forget_tallies()
  GRANT INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER TO palisade_monitor

TABLE watch.kept_tallies OWNER palisade_monitor
  user_id uuid NOT NULL
  measure text NOT NULL
  authz_version bigint NOT NULL
  is_admin boolean NOT NULL
  epoch integer NOT NULL
  is_distinct boolean NOT NULL
  last_at timestamp with time zone NOT NULL
  until timestamp with time zone NOT NULL
  hour_eve timestamp with time zone
  hour_count integer
  hour_near integer
  day_eve timestamp with time zone
  day_count integer
  day_near integer
  CREATE UNIQUE INDEX kept_tallies_pkey ON watch.kept_tallies USING btree (user_id, measure)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_monitor

VIEW watch.outbox OWNER palisade_monitor
 SELECT seq,
    id,
    COALESCE(payload, ( SELECT watch.event_of(d.*) AS event_of
           FROM watch.disclosures d
          WHERE (d.id = q.id)), ( SELECT watch.event_of(r.*) AS event_of
           FROM watch.refusals r
          WHERE (r.id = q.id))) AS payload
   FROM watch.outbox_queue q;
  GRANT DELETE, SELECT TO palisade_gateway
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_monitor

TABLE watch.outbox_queue OWNER palisade_monitor
  seq bigint NOT NULL
  id uuid NOT NULL
  payload jsonb
  CREATE UNIQUE INDEX outbox_pkey ON watch.outbox_queue USING btree (seq)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_monitor

SEQUENCE watch.outbox_seq_seq OWNER palisade_monitor

TABLE watch.person_limits OWNER palisade_monitor
  user_id uuid NOT NULL
  measure text NOT NULL
  authz_version bigint NOT NULL
  windowing text
  zone text
  is_distinct boolean NOT NULL
  exempt boolean NOT NULL
  maxima integer[] NOT NULL
  near integer[] NOT NULL
  CREATE UNIQUE INDEX person_limits_pkey ON watch.person_limits USING btree (user_id, measure)
  GRANT DELETE, INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE TO palisade_monitor

TABLE watch.refusals OWNER palisade_monitor
  id uuid NOT NULL
  at timestamp with time zone NOT NULL
  user_id uuid NOT NULL
  is_admin boolean NOT NULL
  epoch integer NOT NULL
  measure text NOT NULL
  kind text NOT NULL
  subject_type text NOT NULL
  masked boolean NOT NULL
  request_id uuid NOT NULL
  session_id uuid
  token_id uuid
  ip text
  cause jsonb NOT NULL
  held boolean NOT NULL
  further integer NOT NULL DEFAULT 0
  CREATE UNIQUE INDEX refusals_pkey ON watch.refusals USING btree (id)
  CREATE INDEX refusals_person ON watch.refusals USING btree (user_id, at)
  CREATE INDEX refusals_request ON watch.refusals USING btree (request_id)
  GRANT INSERT, MAINTAIN, REFERENCES, SELECT, TRIGGER TO palisade_monitor
  GRANT UPDATE (further) TO palisade_monitor

FUNCTION deploy.keep_log() RETURNS event_trigger OWNER postgres SET search_path=pg_catalog, pg_temp BODY 3bea418f75adcf26
FUNCTION deploy.refuse_definition() RETURNS event_trigger OWNER postgres SET search_path=pg_catalog, pg_temp BODY 736ac1d6f92c6aa3
FUNCTION es.append(p_locks text[], p_streams text[], p_expected integer[], p_events jsonb, p_command jsonb) RETURNS bigint OWNER palisade_core SET search_path=pg_catalog BODY 7dc29a136372ec84 EXECUTE palisade_core
FUNCTION es.append_each(p_streams text[], p_expected integer[], p_ids uuid[], p_types text[], p_schema_versions smallint[], p_data jsonb[], p_metadata jsonb[]) RETURNS uuid[] OWNER palisade_core BODY 304d73d529c16396 EXECUTE palisade_core
FUNCTION es.append_one(p_stream text, p_expected integer, p_id uuid, p_type text, p_schema_version smallint, p_data jsonb, p_metadata jsonb) RETURNS void OWNER palisade_core BODY 0084608fdda266cd EXECUTE palisade_core
FUNCTION es.append_together(p_locks text[], p_streams text[], p_expected integer[], p_steps integer[], p_ids uuid[], p_types text[], p_schema_versions smallint[], p_data jsonb[], p_metadata jsonb[], p_commands uuid[], p_macs bytea[], p_outcomes jsonb[]) RETURNS void OWNER palisade_core BODY 4cb77f6996c08d63 EXECUTE palisade_core
FUNCTION es.take_turn(p_form uuid, p_department uuid, p_last uuid, p_next uuid) RETURNS void OWNER palisade_core BODY 3bb4a6ef06c1d821 EXECUTE palisade_core
FUNCTION monitor.drop_exposure_before(p_before timestamp with time zone) RETURNS SETOF text OWNER palisade_monitor SET lock_timeout=2s BODY 60d1bdafea4ba4e6 EXECUTE palisade_monitor
FUNCTION monitor.ensure_exposure_partition(p_at timestamp with time zone) RETURNS void OWNER palisade_monitor BODY 27eba6f7ff95146f EXECUTE palisade_monitor
FUNCTION monitor.partition_of(p_user uuid) RETURNS integer OWNER palisade_monitor BODY e3b0c44298fc1c14 EXECUTE palisade_monitor
FUNCTION read.authorization_of(p_user uuid) RETURNS jsonb OWNER palisade_core BODY 2353d00494606ce0 EXECUTE palisade_core, palisade_gateway
FUNCTION read.department_in_use(p_department uuid) RETURNS boolean OWNER palisade_core BODY 86824fd26f55889b EXECUTE palisade_core
FUNCTION read.possible_duplicates(p_lead uuid, p_people uuid[]) RETURNS uuid[] OWNER palisade_core BODY b08e59e369a72267 EXECUTE palisade_core, palisade_gateway
FUNCTION read.require_administrator() RETURNS void OWNER palisade_core BODY 4b7199e7d38fa31a EXECUTE palisade_core
FUNCTION read.require_custom_fields(p_record_type text, p_most integer) RETURNS void OWNER palisade_core BODY b5fb047756c201e1 EXECUTE palisade_core
FUNCTION read.require_deals_of(p_contact uuid, p_alone uuid[], p_shared uuid[]) RETURNS void OWNER palisade_core BODY f2c806e4c2473a95 EXECUTE palisade_core
FUNCTION read.require_department_tree() RETURNS void OWNER palisade_core BODY e5903cf259ee07ec EXECUTE palisade_core
FUNCTION read.require_first_administrator() RETURNS void OWNER palisade_core BODY b4eb595460c0290d EXECUTE palisade_core
FUNCTION read.require_live_contacts(p_ids uuid[]) RETURNS void OWNER palisade_core BODY 6f20f698f0d06b47 EXECUTE palisade_core
FUNCTION read.require_pipelines(p_most integer) RETURNS void OWNER palisade_core BODY 5a85a5710e2c70dd EXECUTE palisade_core
FUNCTION read.require_record_at(p_type text, p_id uuid, p_version integer) RETURNS void OWNER palisade_core BODY 78d5aa119a3b732a EXECUTE palisade_core
FUNCTION read.require_reveals_of(p_contact uuid, p_ids uuid[]) RETURNS void OWNER palisade_core BODY 33ddd472aea91d0a EXECUTE palisade_core
FUNCTION read.require_role_tree() RETURNS void OWNER palisade_core BODY e0d587b988e58edf EXECUTE palisade_core
FUNCTION read.require_roles_and_departments(p_roles uuid[], p_departments uuid[]) RETURNS void OWNER palisade_core BODY e993c5756bf25055 EXECUTE palisade_core
FUNCTION read.require_stage(p_pipeline uuid, p_stage uuid) RETURNS void OWNER palisade_core BODY d3e0e954ee612598 EXECUTE palisade_core
FUNCTION read.require_unused_department(p_department uuid) RETURNS void OWNER palisade_core BODY 545e0e8a5c9f01a8 EXECUTE palisade_core
FUNCTION read.require_unused_role(p_role uuid) RETURNS void OWNER palisade_core BODY d547dc6c5609344e EXECUTE palisade_core
FUNCTION read.require_unused_stages(p_stages uuid[]) RETURNS void OWNER palisade_core BODY bf5374cd7b35fa02 EXECUTE palisade_core
FUNCTION read.role_in_use(p_role uuid) RETURNS boolean OWNER palisade_core BODY 6908e43f2446245e EXECUTE palisade_core
FUNCTION read.roles_of_department(p_department uuid) RETURNS uuid[] OWNER palisade_core BODY b54182eda310d815 EXECUTE palisade_core, palisade_gateway, palisade_monitor
FUNCTION vault.contacts_with(p_blind bytea) RETURNS uuid[] OWNER palisade_core BODY c5905e0660a350ba EXECUTE palisade_core
FUNCTION vault.kek_of(p_wrapped bytea) RETURNS text OWNER palisade_core BODY e3b0c44298fc1c14 EXECUTE palisade_core
FUNCTION vault.refuse_retired_kek() RETURNS trigger OWNER palisade_core BODY d001d6bab9e1b657 EXECUTE palisade_core
FUNCTION vault.refuse_retired_keks() RETURNS trigger OWNER palisade_core BODY 24bc1dce407927e8 EXECUTE palisade_core
FUNCTION vault.require_contacts(p_blind bytea, p_expected uuid[]) RETURNS void OWNER palisade_core BODY fb6a20611aaa5043 EXECUTE palisade_core
FUNCTION watch.add_up_refusals() RETURNS void OWNER palisade_monitor BODY 731a72577a854195 EXECUTE palisade_monitor
FUNCTION watch.admit(p_viewer uuid, p_measure text, p_kind text, p_subject_type text, p_subjects uuid[], p_request uuid, p_session uuid, p_token uuid, p_ip text, p_masked boolean) RETURNS watch.admission OWNER palisade_monitor SECURITY DEFINER SET search_path=pg_catalog, watch, pg_temp; enable_seqscan=off; plan_cache_mode=force_generic_plan BODY d44d7454e6202f3b EXECUTE palisade_core, palisade_gateway, palisade_monitor
FUNCTION watch.admit_each(p_viewers uuid[], p_measures text[], p_kinds text[], p_subject_types text[], p_subjects uuid[], p_ends integer[], p_requests uuid[], p_sessions uuid[], p_tokens uuid[], p_ips text[], p_masked boolean[]) RETURNS SETOF watch.placed_admission OWNER palisade_monitor SECURITY DEFINER SET search_path=pg_catalog, watch, pg_temp; enable_seqscan=off; plan_cache_mode=force_generic_plan BODY 39cbac841e4ad991 EXECUTE palisade_core, palisade_gateway, palisade_monitor
FUNCTION watch.choose_limits(p_viewer uuid, p_measure text) RETURNS watch.person_limits OWNER palisade_monitor BODY 3c4830032a89cf21 EXECUTE palisade_monitor
FUNCTION watch.counted(p_user uuid, p_epoch integer, p_measure text, p_eve timestamp with time zone, p_distinct boolean, p_subject uuid, OUT count bigint, OUT seen boolean) RETURNS record OWNER palisade_monitor BODY 18050f17875574e4 EXECUTE palisade_monitor
FUNCTION watch.drop_tallies(p_user uuid, p_epoch integer, p_measures text[], p_at timestamp with time zone) RETURNS void OWNER palisade_monitor BODY 7c9763020cc56115 EXECUTE palisade_monitor
FUNCTION watch.event_of(p watch.disclosures) RETURNS jsonb OWNER palisade_monitor BODY e3b0c44298fc1c14 EXECUTE palisade_gateway, palisade_monitor
FUNCTION watch.event_of(p watch.refusals) RETURNS jsonb OWNER palisade_monitor BODY e3b0c44298fc1c14 EXECUTE palisade_gateway, palisade_monitor
FUNCTION watch.expired(p_user uuid, p_epoch integer, p_measure text, p_from timestamp with time zone, p_to timestamp with time zone, p_distinct boolean) RETURNS bigint OWNER palisade_monitor BODY 74ad93c5ca2f7cdc EXECUTE palisade_monitor
FUNCTION watch.forget_tallies() RETURNS trigger OWNER palisade_monitor BODY 58f2653d2a9e460b EXECUTE palisade_monitor
FUNCTION watch.hold(p_viewer uuid, p_epoch integer, p_cause jsonb, p_at timestamp with time zone) RETURNS boolean OWNER palisade_monitor BODY a5e02bde5460d700 EXECUTE palisade_monitor
FUNCTION watch.is_askable(p_viewer uuid, p_measure text, p_kind text, p_subject_type text, p_subjects uuid[], p_request uuid, p_masked boolean) RETURNS boolean OWNER palisade_monitor BODY e3b0c44298fc1c14 EXECUTE palisade_monitor
FUNCTION watch.is_held(p_user uuid) RETURNS boolean OWNER palisade_monitor SECURITY DEFINER SET search_path=pg_catalog, watch, pg_temp BODY 16adde4f5a0dacd9 EXECUTE palisade_core, palisade_gateway, palisade_monitor
FUNCTION watch.iso(p_at timestamp with time zone) RETURNS text OWNER palisade_monitor BODY e3b0c44298fc1c14 EXECUTE palisade_gateway, palisade_monitor
FUNCTION watch.keep_tally(p_viewer uuid, p_measure text) RETURNS void OWNER palisade_monitor BODY 1be2aa0114f534ed EXECUTE palisade_monitor
FUNCTION watch.limits_for(p_limits jsonb, p_measures text[], p_user uuid, p_roles uuid[]) RETURNS TABLE(measure text, "window" text, action text, max integer) OWNER palisade_monitor BODY 39c8c0d4437aef2e EXECUTE palisade_monitor
FUNCTION watch.lock_viewer(p_viewer uuid) RETURNS void OWNER palisade_monitor BODY e3b0c44298fc1c14 EXECUTE palisade_monitor
FUNCTION watch.note_looked_up(p_viewer uuid, p_request uuid, p_contacts uuid[]) RETURNS void OWNER palisade_monitor SECURITY DEFINER SET search_path=pg_catalog, watch, pg_temp; enable_seqscan=off; plan_cache_mode=force_generic_plan BODY dad95e83fd4acb93 EXECUTE palisade_core, palisade_monitor
FUNCTION watch.note_named(p_viewer uuid, p_request uuid, p_deal uuid, p_contacts uuid[]) RETURNS void OWNER palisade_monitor SECURITY DEFINER SET search_path=pg_catalog, watch, pg_temp; enable_seqscan=off; plan_cache_mode=force_generic_plan BODY 99cd57271d82258f EXECUTE palisade_gateway, palisade_monitor
FUNCTION watch.reached(p_limits watch.person_limits, p_slot integer, p_tally watch.tally) RETURNS jsonb OWNER palisade_monitor BODY 34c750c2042882fd EXECUTE palisade_monitor
FUNCTION watch.refuse(p watch.refusals) RETURNS watch.admission OWNER palisade_monitor BODY ff3017554f3988d3 EXECUTE palisade_monitor
FUNCTION watch.refusing(p_reached jsonb) RETURNS jsonb OWNER palisade_monitor BODY f3ef6c7ffa2f37f3 EXECUTE palisade_monitor
FUNCTION watch.standings(p_user uuid) RETURNS TABLE(measure text, "window" text, action text, max integer, count bigint, since timestamp with time zone) OWNER palisade_monitor SET search_path=pg_catalog, watch, pg_temp; enable_seqscan=off; plan_cache_mode=force_generic_plan BODY 26368529dbafe2e3 EXECUTE palisade_monitor
FUNCTION watch.tally_until(p_window text, p_windowing text, p_zone text, p_at timestamp with time zone, p_eve timestamp with time zone) RETURNS timestamp with time zone OWNER palisade_monitor BODY 049a40f04e2b0f11 EXECUTE palisade_monitor
FUNCTION watch.was_refused(p_user uuid) RETURNS boolean OWNER palisade_monitor BODY 25bb7a24ecfe3340 EXECUTE palisade_monitor
FUNCTION watch.weigh(p_viewer uuid, p_measure text, p_kind text, p_subject_type text, p_subjects uuid[], p_request uuid, p_session uuid, p_token uuid, p_ip text, p_masked boolean) RETURNS watch.admission OWNER palisade_monitor BODY 412311e8cf12f501 EXECUTE palisade_monitor
FUNCTION watch.window_count(p_user uuid, p_epoch integer, p_measure text, p_distinct boolean, p_amount integer, p_near integer, p_eve timestamp with time zone, p_length interval, p_last timestamp with time zone, p_tally_eve timestamp with time zone, p_tally bigint, p_seen_at timestamp with time zone) RETURNS watch.tally OWNER palisade_monitor BODY 30e7022db0e3ae34 EXECUTE palisade_monitor
FUNCTION watch.window_eve(p_window text, p_windowing text, p_zone text, p_at timestamp with time zone) RETURNS timestamp with time zone OWNER palisade_monitor BODY 30a190d333f17a94 EXECUTE palisade_monitor
FUNCTION watch.window_start(p_window text, p_windowing text, p_zone text, p_at timestamp with time zone) RETURNS timestamp with time zone OWNER palisade_monitor BODY 1605aa0eff2eaef2 EXECUTE palisade_monitor
FUNCTION watch.wrong_tallies(p_user uuid) RETURNS TABLE(measure text, "window" text, tally integer, counted bigint) OWNER palisade_monitor BODY ca47b0c88965052a EXECUTE palisade_monitor
