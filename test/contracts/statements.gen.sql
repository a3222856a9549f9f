-- contacts: next page
SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.created_at::text AS sort_key FROM read.contacts AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND (r.created_at, r.id) < ($2::timestamptz, $3::uuid) ORDER BY r.created_at DESC, r.id DESC LIMIT $4::int;

-- contacts: narrowed list
SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.name::text AS sort_key FROM read.contacts AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.responsible_id = $2::uuid AND r.responsible_id IN (SELECT p.user_id FROM read.principals AS p WHERE p.department_id = $3::uuid) AND r.company_id = $4::uuid AND r.created_at >= $5::timestamptz AND r.created_at < $6::timestamptz AND true ORDER BY r.name ASC, r.id ASC LIMIT $7::int;

-- contacts: words, walked
SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.created_at::text AS sort_key FROM (SELECT r.* FROM read.contacts AS r WHERE true ORDER BY r.created_at DESC, r.id DESC LIMIT $4::int) AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.search @@ $2::tsquery ORDER BY r.created_at DESC, r.id DESC LIMIT $3::int;

-- contacts: words, collected
WITH found AS MATERIALIZED (SELECT r.id, r.created_at AS value FROM read.contacts AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.search @@ $2::tsquery AND true),
  page AS (SELECT id FROM found ORDER BY value DESC, id DESC LIMIT $3::int) SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.created_at::text AS sort_key FROM page JOIN read.contacts AS r ON r.id = page.id ORDER BY r.created_at DESC, r.id DESC;

-- contacts: count
SELECT count(*)::int AS count FROM read.contacts AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.responsible_id = $2::uuid AND r.responsible_id IN (SELECT p.user_id FROM read.principals AS p WHERE p.department_id = $3::uuid) AND r.company_id = $4::uuid AND r.created_at >= $5::timestamptz AND r.created_at < $6::timestamptz;

-- contacts: opening
WITH card AS MATERIALIZED (SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'contact'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, CASE WHEN r.lead_id IS NULL THEN NULL ELSE read.possible_duplicates(r.lead_id, $6::uuid[]) END AS possible_duplicates FROM read.contacts AS r
  WHERE r.id = $7::uuid AND r.deleted_at IS NULL AND r.responsible_id = ANY($6::uuid[]))
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, NOT (false OR false) AS masked
  FROM card, LATERAL watch.admit($1::uuid, 'contact.opened', 'card', 'contact', ARRAY[card.id], $2::uuid,
  $3::uuid, $4::uuid, $5::text, NOT (false OR false)) AS gate;

-- contacts: opening among several
WITH asked AS (SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::uuid[]), (SELECT $4::uuid[]), (SELECT $5::text[]), (SELECT $7::uuid[]), (SELECT $8::integer[]), (SELECT $9::integer[])) WITH ORDINALITY AS asked(v_1, v_2, v_3, v_4, v_5, v_7, from_6, v_6, place)), card AS MATERIALIZED (
  SELECT asked.place, row_number() OVER (ORDER BY asked.place)::integer AS n, NOT (false OR false) AS masked, card.*
  FROM asked CROSS JOIN LATERAL (SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'contact'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, CASE WHEN r.lead_id IS NULL THEN NULL ELSE read.possible_duplicates(r.lead_id, ($6::uuid[])[asked.from_6 : asked.v_6]) END AS possible_duplicates FROM read.contacts AS r
  WHERE r.id = asked.v_7 AND r.deleted_at IS NULL AND r.responsible_id = ANY(($6::uuid[])[asked.from_6 : asked.v_6]) LIMIT 1) AS card
  ), visible AS (
  SELECT count(*)::integer AS count, array_agg(asked.v_1 ORDER BY card.n) AS viewers, array_agg(card.id ORDER BY card.n) AS ids, array_agg(card.n ORDER BY card.n) AS ends,
  array_agg(asked.v_2 ORDER BY card.n) AS requests, array_agg(asked.v_3 ORDER BY card.n) AS sessions, array_agg(asked.v_4 ORDER BY card.n) AS tokens,
  array_agg(asked.v_5 ORDER BY card.n) AS ips, array_agg(card.masked ORDER BY card.n) AS masked
  FROM card JOIN asked ON asked.place = card.place
  ), gate AS MATERIALIZED (
  SELECT answered.place, answered.request, gate.decision
  FROM visible, LATERAL watch.admit_each(viewers, array_fill('contact.opened'::text, ARRAY[visible.count]), array_fill('card'::text, ARRAY[visible.count]), array_fill('contact'::text, ARRAY[visible.count]), ids, ends,
  requests, sessions, tokens, ips, masked) AS gate, unnest(gate.places, gate.requests) AS answered(place, request)
  WHERE visible.count > 0
  )
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version
  FROM card JOIN asked ON asked.place = card.place
  LEFT JOIN gate ON gate.place = card.n AND gate.request = asked.v_2;

-- contacts: opening that looks at the session
WITH card AS MATERIALIZED (SELECT session.unseen, card.* FROM (SELECT s.last_seen_at < clock_timestamp() - interval '1 minute' AS unseen FROM access.sessions AS s CROSS JOIN read.security AS sec
  WHERE s.token_hash = $6::bytea AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND s.last_seen_at > clock_timestamp() - interval '30 minutes' AND (s.id = $3::uuid AND s.user_id = $1::uuid) IS TRUE AND sec.authz_version = $7::bigint AND (NOT $8::boolean OR EXISTS (SELECT FROM access.second_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL))) AS session CROSS JOIN LATERAL (SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'contact'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, CASE WHEN r.lead_id IS NULL THEN NULL ELSE read.possible_duplicates(r.lead_id, $9::uuid[]) END AS possible_duplicates FROM read.contacts AS r
  WHERE r.id = $10::uuid AND r.deleted_at IS NULL AND r.responsible_id = ANY($9::uuid[])) AS card)
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, NOT (false OR false) AS masked
  FROM card, LATERAL watch.admit($1::uuid, 'contact.opened', 'card', 'contact', ARRAY[card.id], $2::uuid,
  $3::uuid, $4::uuid, $5::text, NOT (false OR false)) AS gate;

-- contacts: the same among several
WITH asked AS (SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::uuid[]), (SELECT $4::uuid[]), (SELECT $5::text[]), (SELECT $6::bytea[]), (SELECT $7::bigint[]), (SELECT $8::boolean[]), (SELECT $10::uuid[]), (SELECT $11::integer[]), (SELECT $12::integer[])) WITH ORDINALITY AS asked(v_1, v_2, v_3, v_4, v_5, v_6, v_7, v_8, v_10, from_9, v_9, place)), card AS MATERIALIZED (
  SELECT asked.place, row_number() OVER (ORDER BY asked.place)::integer AS n, NOT (false OR false) AS masked, card.*, session.unseen
  FROM asked CROSS JOIN LATERAL (SELECT s.last_seen_at < clock_timestamp() - interval '1 minute' AS unseen FROM access.sessions AS s CROSS JOIN read.security AS sec
  WHERE s.token_hash = asked.v_6 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND s.last_seen_at > clock_timestamp() - interval '30 minutes' AND (s.id = asked.v_3 AND s.user_id = asked.v_1) IS TRUE AND sec.authz_version = asked.v_7 AND (NOT asked.v_8 OR EXISTS (SELECT FROM access.second_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)) LIMIT 1) AS session CROSS JOIN LATERAL (SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'contact'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, CASE WHEN r.lead_id IS NULL THEN NULL ELSE read.possible_duplicates(r.lead_id, ($9::uuid[])[asked.from_9 : asked.v_9]) END AS possible_duplicates FROM read.contacts AS r
  WHERE r.id = asked.v_10 AND r.deleted_at IS NULL AND r.responsible_id = ANY(($9::uuid[])[asked.from_9 : asked.v_9]) LIMIT 1) AS card
  ), visible AS (
  SELECT count(*)::integer AS count, array_agg(asked.v_1 ORDER BY card.n) AS viewers, array_agg(card.id ORDER BY card.n) AS ids, array_agg(card.n ORDER BY card.n) AS ends,
  array_agg(asked.v_2 ORDER BY card.n) AS requests, array_agg(asked.v_3 ORDER BY card.n) AS sessions, array_agg(asked.v_4 ORDER BY card.n) AS tokens,
  array_agg(asked.v_5 ORDER BY card.n) AS ips, array_agg(card.masked ORDER BY card.n) AS masked
  FROM card JOIN asked ON asked.place = card.place
  ), gate AS MATERIALIZED (
  SELECT answered.place, answered.request, gate.decision
  FROM visible, LATERAL watch.admit_each(viewers, array_fill('contact.opened'::text, ARRAY[visible.count]), array_fill('card'::text, ARRAY[visible.count]), array_fill('contact'::text, ARRAY[visible.count]), ids, ends,
  requests, sessions, tokens, ips, masked) AS gate, unnest(gate.places, gate.requests) AS answered(place, request)
  WHERE visible.count > 0
  )
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version
  FROM card JOIN asked ON asked.place = card.place
  LEFT JOIN gate ON gate.place = card.n AND gate.request = asked.v_2;

-- contacts: opening of the past
WITH card AS MATERIALIZED (SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'contact'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, CASE WHEN r.lead_id IS NULL THEN NULL ELSE read.possible_duplicates(r.lead_id, $6::uuid[]) END AS possible_duplicates FROM read.contacts AS r
  WHERE r.id = $7::uuid AND r.deleted_at IS NULL AND r.responsible_id = ANY($6::uuid[]))
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, NOT (false OR false) AS masked
  FROM card, LATERAL watch.admit($1::uuid, 'contact.opened', 'card', 'contact', ARRAY[card.id], $2::uuid,
  $3::uuid, $4::uuid, $5::text, NOT (false OR false)) AS gate;

-- contacts: card just made
SELECT r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'contact'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, CASE WHEN r.lead_id IS NULL THEN NULL ELSE read.possible_duplicates(r.lead_id, $1::uuid[]) END AS possible_duplicates FROM read.contacts AS r WHERE r.id = $2::uuid AND r.deleted_at IS NULL
  AND (r.responsible_id = ANY($1::uuid[]) OR (r.version = 1 AND r.created_by = $3::uuid));

-- companies: next page
SELECT r.id, r.name, r.phones, r.emails, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.created_at::text AS sort_key FROM read.companies AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND (r.created_at, r.id) < ($2::timestamptz, $3::uuid) ORDER BY r.created_at DESC, r.id DESC LIMIT $4::int;

-- companies: narrowed list
SELECT r.id, r.name, r.phones, r.emails, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.name::text AS sort_key FROM read.companies AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.responsible_id = $2::uuid AND r.responsible_id IN (SELECT p.user_id FROM read.principals AS p WHERE p.department_id = $3::uuid) AND r.created_at >= $4::timestamptz AND r.created_at < $5::timestamptz AND true ORDER BY r.name ASC, r.id ASC LIMIT $6::int;

-- companies: words, walked
SELECT r.id, r.name, r.phones, r.emails, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.created_at::text AS sort_key FROM (SELECT r.* FROM read.companies AS r WHERE true ORDER BY r.created_at DESC, r.id DESC LIMIT $4::int) AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.search @@ $2::tsquery ORDER BY r.created_at DESC, r.id DESC LIMIT $3::int;

-- companies: words, collected
WITH found AS MATERIALIZED (SELECT r.id, r.created_at AS value FROM read.companies AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.search @@ $2::tsquery AND true),
  page AS (SELECT id FROM found ORDER BY value DESC, id DESC LIMIT $3::int) SELECT r.id, r.name, r.phones, r.emails, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.created_at::text AS sort_key FROM page JOIN read.companies AS r ON r.id = page.id ORDER BY r.created_at DESC, r.id DESC;

-- companies: count
SELECT count(*)::int AS count FROM read.companies AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.responsible_id = $2::uuid AND r.responsible_id IN (SELECT p.user_id FROM read.principals AS p WHERE p.department_id = $3::uuid) AND r.created_at >= $4::timestamptz AND r.created_at < $5::timestamptz;

-- companies: opening
WITH card AS MATERIALIZED (SELECT r.id, r.name, r.phones, r.emails, r.website, r.address, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'company'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version FROM read.companies AS r
  WHERE r.id = $7::uuid AND r.deleted_at IS NULL AND r.responsible_id = ANY($6::uuid[]))
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, NOT (false OR false) AS masked
  FROM card, LATERAL watch.admit($1::uuid, 'company.opened', 'card', 'company', ARRAY[card.id], $2::uuid,
  $3::uuid, $4::uuid, $5::text, NOT (false OR false)) AS gate;

-- companies: opening among several
WITH asked AS (SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::uuid[]), (SELECT $4::uuid[]), (SELECT $5::text[]), (SELECT $7::uuid[]), (SELECT $8::integer[]), (SELECT $9::integer[])) WITH ORDINALITY AS asked(v_1, v_2, v_3, v_4, v_5, v_7, from_6, v_6, place)), card AS MATERIALIZED (
  SELECT asked.place, row_number() OVER (ORDER BY asked.place)::integer AS n, NOT (false OR false) AS masked, card.*
  FROM asked CROSS JOIN LATERAL (SELECT r.id, r.name, r.phones, r.emails, r.website, r.address, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'company'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version FROM read.companies AS r
  WHERE r.id = asked.v_7 AND r.deleted_at IS NULL AND r.responsible_id = ANY(($6::uuid[])[asked.from_6 : asked.v_6]) LIMIT 1) AS card
  ), visible AS (
  SELECT count(*)::integer AS count, array_agg(asked.v_1 ORDER BY card.n) AS viewers, array_agg(card.id ORDER BY card.n) AS ids, array_agg(card.n ORDER BY card.n) AS ends,
  array_agg(asked.v_2 ORDER BY card.n) AS requests, array_agg(asked.v_3 ORDER BY card.n) AS sessions, array_agg(asked.v_4 ORDER BY card.n) AS tokens,
  array_agg(asked.v_5 ORDER BY card.n) AS ips, array_agg(card.masked ORDER BY card.n) AS masked
  FROM card JOIN asked ON asked.place = card.place
  ), gate AS MATERIALIZED (
  SELECT answered.place, answered.request, gate.decision
  FROM visible, LATERAL watch.admit_each(viewers, array_fill('company.opened'::text, ARRAY[visible.count]), array_fill('card'::text, ARRAY[visible.count]), array_fill('company'::text, ARRAY[visible.count]), ids, ends,
  requests, sessions, tokens, ips, masked) AS gate, unnest(gate.places, gate.requests) AS answered(place, request)
  WHERE visible.count > 0
  )
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version
  FROM card JOIN asked ON asked.place = card.place
  LEFT JOIN gate ON gate.place = card.n AND gate.request = asked.v_2;

-- companies: opening that looks at the session
WITH card AS MATERIALIZED (SELECT session.unseen, card.* FROM (SELECT s.last_seen_at < clock_timestamp() - interval '1 minute' AS unseen FROM access.sessions AS s CROSS JOIN read.security AS sec
  WHERE s.token_hash = $6::bytea AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND s.last_seen_at > clock_timestamp() - interval '30 minutes' AND (s.id = $3::uuid AND s.user_id = $1::uuid) IS TRUE AND sec.authz_version = $7::bigint AND (NOT $8::boolean OR EXISTS (SELECT FROM access.second_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL))) AS session CROSS JOIN LATERAL (SELECT r.id, r.name, r.phones, r.emails, r.website, r.address, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'company'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version FROM read.companies AS r
  WHERE r.id = $10::uuid AND r.deleted_at IS NULL AND r.responsible_id = ANY($9::uuid[])) AS card)
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, NOT (false OR false) AS masked
  FROM card, LATERAL watch.admit($1::uuid, 'company.opened', 'card', 'company', ARRAY[card.id], $2::uuid,
  $3::uuid, $4::uuid, $5::text, NOT (false OR false)) AS gate;

-- companies: the same among several
WITH asked AS (SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::uuid[]), (SELECT $4::uuid[]), (SELECT $5::text[]), (SELECT $6::bytea[]), (SELECT $7::bigint[]), (SELECT $8::boolean[]), (SELECT $10::uuid[]), (SELECT $11::integer[]), (SELECT $12::integer[])) WITH ORDINALITY AS asked(v_1, v_2, v_3, v_4, v_5, v_6, v_7, v_8, v_10, from_9, v_9, place)), card AS MATERIALIZED (
  SELECT asked.place, row_number() OVER (ORDER BY asked.place)::integer AS n, NOT (false OR false) AS masked, card.*, session.unseen
  FROM asked CROSS JOIN LATERAL (SELECT s.last_seen_at < clock_timestamp() - interval '1 minute' AS unseen FROM access.sessions AS s CROSS JOIN read.security AS sec
  WHERE s.token_hash = asked.v_6 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND s.last_seen_at > clock_timestamp() - interval '30 minutes' AND (s.id = asked.v_3 AND s.user_id = asked.v_1) IS TRUE AND sec.authz_version = asked.v_7 AND (NOT asked.v_8 OR EXISTS (SELECT FROM access.second_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)) LIMIT 1) AS session CROSS JOIN LATERAL (SELECT r.id, r.name, r.phones, r.emails, r.website, r.address, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'company'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version FROM read.companies AS r
  WHERE r.id = asked.v_10 AND r.deleted_at IS NULL AND r.responsible_id = ANY(($9::uuid[])[asked.from_9 : asked.v_9]) LIMIT 1) AS card
  ), visible AS (
  SELECT count(*)::integer AS count, array_agg(asked.v_1 ORDER BY card.n) AS viewers, array_agg(card.id ORDER BY card.n) AS ids, array_agg(card.n ORDER BY card.n) AS ends,
  array_agg(asked.v_2 ORDER BY card.n) AS requests, array_agg(asked.v_3 ORDER BY card.n) AS sessions, array_agg(asked.v_4 ORDER BY card.n) AS tokens,
  array_agg(asked.v_5 ORDER BY card.n) AS ips, array_agg(card.masked ORDER BY card.n) AS masked
  FROM card JOIN asked ON asked.place = card.place
  ), gate AS MATERIALIZED (
  SELECT answered.place, answered.request, gate.decision
  FROM visible, LATERAL watch.admit_each(viewers, array_fill('company.opened'::text, ARRAY[visible.count]), array_fill('card'::text, ARRAY[visible.count]), array_fill('company'::text, ARRAY[visible.count]), ids, ends,
  requests, sessions, tokens, ips, masked) AS gate, unnest(gate.places, gate.requests) AS answered(place, request)
  WHERE visible.count > 0
  )
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version
  FROM card JOIN asked ON asked.place = card.place
  LEFT JOIN gate ON gate.place = card.n AND gate.request = asked.v_2;

-- companies: opening of the past
WITH card AS MATERIALIZED (SELECT r.id, r.name, r.phones, r.emails, r.website, r.address, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'company'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version FROM read.companies AS r
  WHERE r.id = $7::uuid AND r.deleted_at IS NULL AND r.responsible_id = ANY($6::uuid[]))
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, NOT (false OR false) AS masked
  FROM card, LATERAL watch.admit($1::uuid, 'company.opened', 'card', 'company', ARRAY[card.id], $2::uuid,
  $3::uuid, $4::uuid, $5::text, NOT (false OR false)) AS gate;

-- companies: card just made
SELECT r.id, r.name, r.phones, r.emails, r.website, r.address, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'company'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version FROM read.companies AS r WHERE r.id = $2::uuid AND r.deleted_at IS NULL
  AND (r.responsible_id = ANY($1::uuid[]) OR (r.version = 1 AND r.created_by = $3::uuid));

-- deals: next page
SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.created_at::text AS sort_key FROM read.deals AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND (r.created_at, r.id) < ($2::timestamptz, $3::uuid) ORDER BY r.created_at DESC, r.id DESC LIMIT $4::int;

-- deals: narrowed list
SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, coalesce(r.amount, '-Infinity')::text AS sort_key FROM read.deals AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.responsible_id = $2::uuid AND r.responsible_id IN (SELECT p.user_id FROM read.principals AS p WHERE p.department_id = $3::uuid) AND r.company_id = $4::uuid AND r.contact_ids @> ARRAY[$5::uuid] AND r.stage_id = $6::uuid AND r.created_at >= $7::timestamptz AND r.created_at < $8::timestamptz AND EXISTS (SELECT FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND a.values @> $9::jsonb) AND r.responsible_id = ANY($10::uuid[]) AND true ORDER BY coalesce(r.amount, '-Infinity') ASC, r.id ASC LIMIT $11::int;

-- deals: words, walked
SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.created_at::text AS sort_key FROM (SELECT r.* FROM read.deals AS r WHERE true ORDER BY r.created_at DESC, r.id DESC LIMIT $4::int) AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.search @@ $2::tsquery ORDER BY r.created_at DESC, r.id DESC LIMIT $3::int;

-- deals: words, collected
WITH found AS MATERIALIZED (SELECT r.id, r.created_at AS value FROM read.deals AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.search @@ $2::tsquery AND true),
  page AS (SELECT id FROM found ORDER BY value DESC, id DESC LIMIT $3::int) SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, r.created_at::text AS sort_key FROM page JOIN read.deals AS r ON r.id = page.id ORDER BY r.created_at DESC, r.id DESC;

-- deals: count
SELECT count(*)::int AS count FROM read.deals AS r WHERE r.responsible_id = ANY($1::uuid[]) AND r.deleted_at IS NULL AND r.responsible_id = $2::uuid AND r.responsible_id IN (SELECT p.user_id FROM read.principals AS p WHERE p.department_id = $3::uuid) AND r.company_id = $4::uuid AND r.contact_ids @> ARRAY[$5::uuid] AND r.stage_id = $6::uuid AND r.created_at >= $7::timestamptz AND r.created_at < $8::timestamptz AND EXISTS (SELECT FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND a.values @> $9::jsonb) AND r.responsible_id = ANY($10::uuid[]);

-- deals: opening
WITH card AS MATERIALIZED (SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.pipeline_id, r.contact_ids, r.lose_reason, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'deal'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', x.id, 'name', c.name)) ORDER BY x.n), '[]')
  FROM unnest(r.contact_ids) WITH ORDINALITY AS x(id, n)
  LEFT JOIN read.contacts AS c ON c.id = x.id AND c.deleted_at IS NULL AND c.responsible_id = ANY($6::uuid[])) AS contacts,
  (SELECT a.values FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND r.responsible_id = ANY($7::uuid[])) AS attribution FROM read.deals AS r
  WHERE r.id = $9::uuid AND r.deleted_at IS NULL AND r.responsible_id = ANY($8::uuid[]))
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, true AS masked, CASE WHEN gate.decision = 'admitted' AND card.contacts @? '$[*].name'
  THEN watch.note_named($1::uuid, $2::uuid, card.id, ARRAY(SELECT (named->>'id')::uuid FROM jsonb_array_elements(card.contacts) AS named WHERE named ? 'name'))::text END AS noted
  FROM card, LATERAL watch.admit($1::uuid, 'deal.opened', 'card', 'deal', ARRAY[card.id], $2::uuid,
  $3::uuid, $4::uuid, $5::text, true) AS gate;

-- deals: opening among several
WITH asked AS (SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::uuid[]), (SELECT $4::uuid[]), (SELECT $5::text[]), (SELECT $9::uuid[]), (SELECT $10::integer[]), (SELECT $11::integer[]), (SELECT $12::integer[]), (SELECT $13::integer[]), (SELECT $14::integer[]), (SELECT $15::integer[])) WITH ORDINALITY AS asked(v_1, v_2, v_3, v_4, v_5, v_9, from_6, v_6, from_7, v_7, from_8, v_8, place)), card AS MATERIALIZED (
  SELECT asked.place, row_number() OVER (ORDER BY asked.place)::integer AS n, true AS masked, card.*
  FROM asked CROSS JOIN LATERAL (SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.pipeline_id, r.contact_ids, r.lose_reason, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'deal'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', x.id, 'name', c.name)) ORDER BY x.n), '[]')
  FROM unnest(r.contact_ids) WITH ORDINALITY AS x(id, n)
  LEFT JOIN read.contacts AS c ON c.id = x.id AND c.deleted_at IS NULL AND c.responsible_id = ANY(($6::uuid[])[asked.from_6 : asked.v_6])) AS contacts,
  (SELECT a.values FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND r.responsible_id = ANY(($7::uuid[])[asked.from_7 : asked.v_7])) AS attribution FROM read.deals AS r
  WHERE r.id = asked.v_9 AND r.deleted_at IS NULL AND r.responsible_id = ANY(($8::uuid[])[asked.from_8 : asked.v_8]) LIMIT 1) AS card
  ), visible AS (
  SELECT count(*)::integer AS count, array_agg(asked.v_1 ORDER BY card.n) AS viewers, array_agg(card.id ORDER BY card.n) AS ids, array_agg(card.n ORDER BY card.n) AS ends,
  array_agg(asked.v_2 ORDER BY card.n) AS requests, array_agg(asked.v_3 ORDER BY card.n) AS sessions, array_agg(asked.v_4 ORDER BY card.n) AS tokens,
  array_agg(asked.v_5 ORDER BY card.n) AS ips, array_agg(card.masked ORDER BY card.n) AS masked
  FROM card JOIN asked ON asked.place = card.place
  ), gate AS MATERIALIZED (
  SELECT answered.place, answered.request, gate.decision
  FROM visible, LATERAL watch.admit_each(viewers, array_fill('deal.opened'::text, ARRAY[visible.count]), array_fill('card'::text, ARRAY[visible.count]), array_fill('deal'::text, ARRAY[visible.count]), ids, ends,
  requests, sessions, tokens, ips, masked) AS gate, unnest(gate.places, gate.requests) AS answered(place, request)
  WHERE visible.count > 0
  )
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, CASE WHEN gate.decision = 'admitted' AND card.contacts @? '$[*].name'
  THEN watch.note_named(asked.v_1, asked.v_2, card.id, ARRAY(SELECT (named->>'id')::uuid FROM jsonb_array_elements(card.contacts) AS named WHERE named ? 'name'))::text END AS noted
  FROM card JOIN asked ON asked.place = card.place
  LEFT JOIN gate ON gate.place = card.n AND gate.request = asked.v_2;

-- deals: opening that looks at the session
WITH card AS MATERIALIZED (SELECT session.unseen, card.* FROM (SELECT s.last_seen_at < clock_timestamp() - interval '1 minute' AS unseen FROM access.sessions AS s CROSS JOIN read.security AS sec
  WHERE s.token_hash = $6::bytea AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND s.last_seen_at > clock_timestamp() - interval '30 minutes' AND (s.id = $3::uuid AND s.user_id = $1::uuid) IS TRUE AND sec.authz_version = $7::bigint AND (NOT $8::boolean OR EXISTS (SELECT FROM access.second_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL))) AS session CROSS JOIN LATERAL (SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.pipeline_id, r.contact_ids, r.lose_reason, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'deal'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', x.id, 'name', c.name)) ORDER BY x.n), '[]')
  FROM unnest(r.contact_ids) WITH ORDINALITY AS x(id, n)
  LEFT JOIN read.contacts AS c ON c.id = x.id AND c.deleted_at IS NULL AND c.responsible_id = ANY($9::uuid[])) AS contacts,
  (SELECT a.values FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND r.responsible_id = ANY($10::uuid[])) AS attribution FROM read.deals AS r
  WHERE r.id = $12::uuid AND r.deleted_at IS NULL AND r.responsible_id = ANY($11::uuid[])) AS card)
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, true AS masked, CASE WHEN gate.decision = 'admitted' AND card.contacts @? '$[*].name'
  THEN watch.note_named($1::uuid, $2::uuid, card.id, ARRAY(SELECT (named->>'id')::uuid FROM jsonb_array_elements(card.contacts) AS named WHERE named ? 'name'))::text END AS noted
  FROM card, LATERAL watch.admit($1::uuid, 'deal.opened', 'card', 'deal', ARRAY[card.id], $2::uuid,
  $3::uuid, $4::uuid, $5::text, true) AS gate;

-- deals: the same among several
WITH asked AS (SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::uuid[]), (SELECT $4::uuid[]), (SELECT $5::text[]), (SELECT $6::bytea[]), (SELECT $7::bigint[]), (SELECT $8::boolean[]), (SELECT $12::uuid[]), (SELECT $13::integer[]), (SELECT $14::integer[]), (SELECT $15::integer[]), (SELECT $16::integer[]), (SELECT $17::integer[]), (SELECT $18::integer[])) WITH ORDINALITY AS asked(v_1, v_2, v_3, v_4, v_5, v_6, v_7, v_8, v_12, from_9, v_9, from_10, v_10, from_11, v_11, place)), card AS MATERIALIZED (
  SELECT asked.place, row_number() OVER (ORDER BY asked.place)::integer AS n, true AS masked, card.*, session.unseen
  FROM asked CROSS JOIN LATERAL (SELECT s.last_seen_at < clock_timestamp() - interval '1 minute' AS unseen FROM access.sessions AS s CROSS JOIN read.security AS sec
  WHERE s.token_hash = asked.v_6 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
  AND s.last_seen_at > clock_timestamp() - interval '30 minutes' AND (s.id = asked.v_3 AND s.user_id = asked.v_1) IS TRUE AND sec.authz_version = asked.v_7 AND (NOT asked.v_8 OR EXISTS (SELECT FROM access.second_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)) LIMIT 1) AS session CROSS JOIN LATERAL (SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.pipeline_id, r.contact_ids, r.lose_reason, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'deal'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', x.id, 'name', c.name)) ORDER BY x.n), '[]')
  FROM unnest(r.contact_ids) WITH ORDINALITY AS x(id, n)
  LEFT JOIN read.contacts AS c ON c.id = x.id AND c.deleted_at IS NULL AND c.responsible_id = ANY(($9::uuid[])[asked.from_9 : asked.v_9])) AS contacts,
  (SELECT a.values FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND r.responsible_id = ANY(($10::uuid[])[asked.from_10 : asked.v_10])) AS attribution FROM read.deals AS r
  WHERE r.id = asked.v_12 AND r.deleted_at IS NULL AND r.responsible_id = ANY(($11::uuid[])[asked.from_11 : asked.v_11]) LIMIT 1) AS card
  ), visible AS (
  SELECT count(*)::integer AS count, array_agg(asked.v_1 ORDER BY card.n) AS viewers, array_agg(card.id ORDER BY card.n) AS ids, array_agg(card.n ORDER BY card.n) AS ends,
  array_agg(asked.v_2 ORDER BY card.n) AS requests, array_agg(asked.v_3 ORDER BY card.n) AS sessions, array_agg(asked.v_4 ORDER BY card.n) AS tokens,
  array_agg(asked.v_5 ORDER BY card.n) AS ips, array_agg(card.masked ORDER BY card.n) AS masked
  FROM card JOIN asked ON asked.place = card.place
  ), gate AS MATERIALIZED (
  SELECT answered.place, answered.request, gate.decision
  FROM visible, LATERAL watch.admit_each(viewers, array_fill('deal.opened'::text, ARRAY[visible.count]), array_fill('card'::text, ARRAY[visible.count]), array_fill('deal'::text, ARRAY[visible.count]), ids, ends,
  requests, sessions, tokens, ips, masked) AS gate, unnest(gate.places, gate.requests) AS answered(place, request)
  WHERE visible.count > 0
  )
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, CASE WHEN gate.decision = 'admitted' AND card.contacts @? '$[*].name'
  THEN watch.note_named(asked.v_1, asked.v_2, card.id, ARRAY(SELECT (named->>'id')::uuid FROM jsonb_array_elements(card.contacts) AS named WHERE named ? 'name'))::text END AS noted
  FROM card JOIN asked ON asked.place = card.place
  LEFT JOIN gate ON gate.place = card.n AND gate.request = asked.v_2;

-- deals: opening of the past
WITH card AS MATERIALIZED (SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.pipeline_id, r.contact_ids, r.lose_reason, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'deal'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', x.id, 'name', c.name)) ORDER BY x.n), '[]')
  FROM unnest(r.contact_ids) WITH ORDINALITY AS x(id, n)
  LEFT JOIN read.contacts AS c ON c.id = x.id AND c.deleted_at IS NULL AND c.responsible_id = ANY($6::uuid[])) AS contacts,
  (SELECT a.values FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND r.responsible_id = ANY($7::uuid[])) AS attribution FROM read.deals AS r
  WHERE r.id = $9::uuid AND r.deleted_at IS NULL AND r.responsible_id = ANY($8::uuid[]))
  SELECT card.*, gate.decision, (SELECT authz_version FROM read.security) AS authz_version, true AS masked, CASE WHEN gate.decision = 'admitted' AND cardinality($10::uuid[]) > 0
  THEN watch.note_named($1::uuid, $2::uuid, card.id, $10::uuid[])::text END AS noted
  FROM card, LATERAL watch.admit($1::uuid, 'deal.opened', 'card', 'deal', ARRAY[card.id], $2::uuid,
  $3::uuid, $4::uuid, $5::text, true) AS gate;

-- deals: card just made
SELECT r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id, r.pipeline_id, r.contact_ids, r.lose_reason, r.note, CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
  SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
  JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = 'deal'
  WHERE v.value <> 'null') END AS custom_fields, r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version, (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', x.id, 'name', c.name)) ORDER BY x.n), '[]')
  FROM unnest(r.contact_ids) WITH ORDINALITY AS x(id, n)
  LEFT JOIN read.contacts AS c ON c.id = x.id AND c.deleted_at IS NULL AND c.responsible_id = ANY($1::uuid[])) AS contacts,
  (SELECT a.values FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND r.responsible_id = ANY($2::uuid[])) AS attribution FROM read.deals AS r WHERE r.id = $4::uuid AND r.deleted_at IS NULL
  AND (r.responsible_id = ANY($3::uuid[]) OR (r.version = 1 AND r.created_by = $5::uuid));
