import { sql, type Kysely, type Migration } from 'kysely';
import { createEventStore } from '#event-store';
import { FIRST_SECURITY_SETTINGS } from '#contracts';

const RECORD_COLUMNS = sql`
  responsible_id uuid,
  note text,
  tags text[] NOT NULL DEFAULT '{}',
  custom_fields jsonb NOT NULL DEFAULT '{}',
  created_by uuid,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  version integer NOT NULL`;

async function vault(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE vault.keys (
      owner text PRIMARY KEY,
      wrapped bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`.execute(db);
  await sql`CREATE TABLE vault.service_keys (name text PRIMARY KEY, sealed text NOT NULL)`.execute(db);
  await sql`
    CREATE TABLE vault.points (
      id uuid PRIMARY KEY,
      record_type text NOT NULL CHECK (record_type IN ('contact', 'company')),
      record_id uuid NOT NULL,
      kind text NOT NULL CHECK (kind IN ('phone', 'email')),
      blind_index bytea,
      sealed text NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX points_record ON vault.points (record_id)`.execute(db);
  await sql`CREATE INDEX points_blind_index ON vault.points (blind_index) WHERE blind_index IS NOT NULL`.execute(db);
}

async function records(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE read.contacts (
      id uuid PRIMARY KEY,
      name text NOT NULL,
      phones jsonb NOT NULL DEFAULT '[]',
      emails jsonb NOT NULL DEFAULT '[]',
      company_id uuid,
      lead_id uuid,
      ${RECORD_COLUMNS},
      search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED
    )`.execute(db);
  await sql`
    CREATE TABLE read.companies (
      id uuid PRIMARY KEY,
      name text NOT NULL,
      phones jsonb NOT NULL DEFAULT '[]',
      emails jsonb NOT NULL DEFAULT '[]',
      website text,
      address text,
      ${RECORD_COLUMNS},
      search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED
    )`.execute(db);
  await sql`
    CREATE TABLE read.deals (
      id uuid PRIMARY KEY,
      title text NOT NULL,
      amount numeric(20, 2),
      currency text,
      pipeline_id uuid NOT NULL,
      stage_id uuid NOT NULL,
      status text NOT NULL CHECK (status IN ('open', 'won', 'lost')),
      contact_ids uuid[] NOT NULL DEFAULT '{}',
      company_id uuid,
      lead_id uuid,
      ${RECORD_COLUMNS},
      search tsvector GENERATED ALWAYS AS (to_tsvector('simple', title)) STORED
    )`.execute(db);
  await sql`
    CREATE TABLE read.deal_attributions (
      deal_id uuid PRIMARY KEY,
      values jsonb NOT NULL,
      version integer NOT NULL
    )`.execute(db);
  for (const table of ['contacts', 'companies', 'deals']) {
    const name = sql.table(`read.${table}`);
    const title = sql.ref(table === 'deals' ? 'title' : 'name');
    await sql`CREATE INDEX ON ${name} (created_at DESC, id DESC)`.execute(db);
    await sql`CREATE INDEX ON ${name} (updated_at DESC, id DESC)`.execute(db);
    await sql`CREATE INDEX ON ${name} (${title}, id)`.execute(db);
    await sql`CREATE INDEX ON ${name} (responsible_id, created_at DESC, id DESC)`.execute(db);
    await sql`CREATE INDEX ON ${name} USING gin (search)`.execute(db);
  }
  await sql`CREATE INDEX ON read.deals (amount, id)`.execute(db);
  await sql`CREATE INDEX ON read.deals USING gin (contact_ids)`.execute(db);
  await sql`CREATE INDEX ON read.contacts (company_id) WHERE company_id IS NOT NULL`.execute(db);
  await sql`CREATE INDEX ON read.deals (company_id) WHERE company_id IS NOT NULL`.execute(db);
}

async function people(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE read.users (
      id uuid PRIMARY KEY,
      email text NOT NULL,
      name text NOT NULL,
      status text NOT NULL CHECK (status IN ('invited', 'active', 'deactivated')),
      is_admin boolean NOT NULL,
      role_ids uuid[] NOT NULL DEFAULT '{}',
      department_id uuid,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      version integer NOT NULL
    )`.execute(db);
  await sql`CREATE UNIQUE INDEX users_email_key ON read.users (lower(email))`.execute(db);
  await sql`
    CREATE TABLE read.principals (
      user_id uuid PRIMARY KEY,
      status text NOT NULL CHECK (status IN ('invited', 'active', 'deactivated')),
      is_admin boolean NOT NULL,
      department_id uuid,
      role_ids uuid[] NOT NULL DEFAULT '{}',
      epoch integer NOT NULL,
      epoch_since timestamptz NOT NULL,
      version integer NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX ON read.principals (department_id)`.execute(db);
  await sql`
    CREATE TABLE read.roles (
      id uuid PRIMARY KEY, name text NOT NULL, extends_id uuid, grants jsonb NOT NULL, version integer NOT NULL
    )`.execute(db);
  await sql`
    CREATE TABLE read.departments (
      id uuid PRIMARY KEY, name text NOT NULL, parent_id uuid, role_ids uuid[] NOT NULL DEFAULT '{}', version integer NOT NULL
    )`.execute(db);
  await sql`
    CREATE TABLE read.pipelines (
      id uuid PRIMARY KEY, name text NOT NULL, stages jsonb NOT NULL, position integer NOT NULL, version integer NOT NULL
    )`.execute(db);
  await sql`
    CREATE TABLE read.forms (
      id uuid PRIMARY KEY, key text NOT NULL UNIQUE, name text NOT NULL, enabled boolean NOT NULL, settings jsonb NOT NULL,
      version integer NOT NULL
    )`.execute(db);
  await sql`
    CREATE TABLE read.security (
      singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
      settings jsonb NOT NULL,
      authz_version bigint NOT NULL,
      version integer NOT NULL
    )`.execute(db);
  await sql`
    INSERT INTO read.security (settings, authz_version, version) VALUES (${JSON.stringify(FIRST_SECURITY_SETTINGS)}::jsonb, 1, 0)`.execute(
    db,
  );
}

/** Raised under their locks, after the projection: somebody is left who can administer, departments and roles are trees. */
async function guards(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE FUNCTION read.require_administrator() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF NOT EXISTS (SELECT FROM read.principals AS p WHERE p.is_admin AND p.status = 'active' AND NOT watch.is_held(p.user_id)) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA010', MESSAGE = 'no active administrator would be left';
      END IF;
    END $$`.execute(db);
  await sql`
    CREATE FUNCTION read.require_department_tree() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (
        WITH RECURSIVE reached AS (
          SELECT d.id FROM read.departments AS d WHERE d.parent_id IS NULL
          UNION
          SELECT d.id FROM read.departments AS d JOIN reached ON d.parent_id = reached.id
        )
        SELECT FROM read.departments AS d WHERE d.id NOT IN (SELECT id FROM reached)
      ) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA012', MESSAGE = 'the departments would be no tree';
      END IF;
    END $$`.execute(db);
  await sql`
    CREATE FUNCTION read.require_first_administrator() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF (SELECT count(*) FROM read.principals AS p WHERE p.is_admin) > 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'PA013', MESSAGE = 'there is an administrator already';
      END IF;
    END $$`.execute(db);
  await sql`
    CREATE FUNCTION read.require_role_tree() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (
        WITH RECURSIVE reached AS (
          SELECT r.id FROM read.roles AS r WHERE r.extends_id IS NULL
          UNION
          SELECT r.id FROM read.roles AS r JOIN reached ON r.extends_id = reached.id
        )
        SELECT FROM read.roles AS r WHERE r.id NOT IN (SELECT id FROM reached)
      ) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA014', MESSAGE = 'the roles would be no tree';
      END IF;
    END $$`.execute(db);
}

/** What lead intake keeps beside the log: numbers, turns, what was set aside, and the guard that makes one person one contact. */
async function leads(db: Kysely<never>): Promise<void> {
  await sql`CREATE SEQUENCE es.lead_numbers AS bigint`.execute(db);
  await sql`CREATE TABLE es.form_turns (form_id uuid PRIMARY KEY, user_id uuid NOT NULL)`.execute(db);
  await sql`
    CREATE TABLE es.leads_set_aside (
      lead_id uuid PRIMARY KEY,
      form_id uuid NOT NULL,
      reason_code text NOT NULL,
      received jsonb NOT NULL,
      at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`.execute(db);
  await sql`
    CREATE FUNCTION vault.contacts_with(p_blind bytea) RETURNS uuid[] LANGUAGE sql STABLE AS $$
      SELECT coalesce(array_agg(DISTINCT p.record_id ORDER BY p.record_id), '{}')
      FROM vault.points p JOIN read.contacts c ON c.id = p.record_id AND c.deleted_at IS NULL
      WHERE p.blind_index = p_blind AND p.record_type = 'contact'
    $$`.execute(db);
  await sql`
    CREATE FUNCTION vault.require_contacts(p_blind bytea, p_expected uuid[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF vault.contacts_with(p_blind) <> p_expected THEN
        RAISE EXCEPTION USING ERRCODE = 'PA011', MESSAGE = 'the match has changed';
      END IF;
    END $$`.execute(db);
}

/** Everything a decision about a person needs, in one value (contracts: AuthorizationRow); null for an unknown person. */
async function authorization(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE FUNCTION read.authorization_of(p_user uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
      WITH RECURSIVE me AS (
        SELECT p.*, u.name, u.email FROM read.principals p JOIN read.users u ON u.id = p.user_id WHERE p.user_id = p_user
      ), below AS (
        SELECT d.id FROM read.departments d JOIN me ON d.id = me.department_id
        UNION
        SELECT d.id FROM read.departments d JOIN below ON d.parent_id = below.id
      )
      SELECT jsonb_build_object(
        'userId', me.user_id, 'name', me.name, 'email', me.email, 'status', me.status, 'isAdmin', me.is_admin,
        'departmentId', me.department_id, 'roleIds', to_jsonb(me.role_ids), 'epoch', me.epoch,
        'roles', coalesce((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'extendsId', r.extends_id, 'grants', r.grants))
                           FROM read.roles r), '[]'),
        'groupUserIds', coalesce((SELECT jsonb_agg(p.user_id) FROM read.principals p
                                  WHERE p.user_id = me.user_id OR p.department_id IN (SELECT id FROM below)), '[]'),
        'authzVersion', s.authz_version, 'settings', s.settings)
      FROM me, read.security s
    $$`.execute(db);
}

async function grants(db: Kysely<never>): Promise<void> {
  await sql`GRANT USAGE ON SCHEMA read TO palisade_gateway, palisade_monitor`.execute(db);
  await sql`GRANT SELECT ON ALL TABLES IN SCHEMA read TO palisade_gateway`.execute(db);
  await sql`ALTER DEFAULT PRIVILEGES IN SCHEMA read GRANT SELECT ON TABLES TO palisade_gateway`.execute(db);
  await sql`REVOKE ALL ON FUNCTION read.authorization_of(uuid) FROM PUBLIC`.execute(db);
  await sql`GRANT EXECUTE ON FUNCTION read.authorization_of(uuid) TO palisade_gateway`.execute(db);
  await sql`GRANT SELECT ON read.principals, read.security TO palisade_monitor`.execute(db);
  await sql`GRANT SELECT (id, name, status) ON read.users TO palisade_monitor`.execute(db);
}

export const firstLight: Migration = {
  async up(db: Kysely<never>) {
    await createEventStore(db);
    await vault(db);
    await records(db);
    await people(db);
    await guards(db);
    await leads(db);
    await authorization(db);
    await grants(db);
  },
};
