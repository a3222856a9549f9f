import { randomBytes } from 'node:crypto';
import { sql, type Kysely, type Migration } from 'kysely';

async function credentials(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE access.credentials (
      user_id uuid PRIMARY KEY,
      password_hash text NOT NULL,
      version integer NOT NULL DEFAULT 1,
      updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`.execute(db);
  await sql`
    CREATE TABLE access.invitations (
      token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
      user_id uuid NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL,
      ended_at timestamptz
    )`.execute(db);
  await sql`CREATE INDEX ON access.invitations (user_id)`.execute(db);
}

async function sessions(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE access.sessions (
      id uuid PRIMARY KEY,
      token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
      user_id uuid NOT NULL,
      epoch integer NOT NULL,
      ip text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL,
      ended_at timestamptz,
      ended_reason text,
      CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
    )`.execute(db);
  await sql`CREATE INDEX ON access.sessions (user_id) WHERE ended_at IS NULL`.execute(db);
  await sql`
    CREATE TABLE access.api_tokens (
      id uuid PRIMARY KEY,
      token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
      user_id uuid NOT NULL,
      epoch integer NOT NULL,
      name text NOT NULL,
      scopes text[] NOT NULL,
      cidrs text[] NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz,
      ended_at timestamptz,
      ended_reason text,
      CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
    )`.execute(db);
  await sql`CREATE INDEX ON access.api_tokens (user_id) WHERE ended_at IS NULL`.execute(db);
}

async function throttle(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE access.sign_in_failures (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      account bytea NOT NULL,
      ip text NOT NULL,
      at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`.execute(db);
  await sql`CREATE INDEX ON access.sign_in_failures (account, at)`.execute(db);
  await sql`CREATE INDEX ON access.sign_in_failures (ip, at)`.execute(db);
  await sql`CREATE INDEX ON access.sign_in_failures (at)`.execute(db);
  await sql`
    CREATE TABLE access.known_addresses (
      user_id uuid NOT NULL,
      ip text NOT NULL,
      last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (user_id, ip)
    )`.execute(db);
}

async function audit(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE access.audit (
      id uuid PRIMARY KEY,
      at timestamptz NOT NULL DEFAULT clock_timestamp(),
      type text NOT NULL,
      actor_id uuid,
      ip text,
      details jsonb NOT NULL DEFAULT '{}'
    )`.execute(db);
  await sql`CREATE INDEX ON access.audit (at)`.execute(db);
  await sql`CREATE TABLE access.secrets (name text PRIMARY KEY, value bytea NOT NULL)`.execute(db);
  // Names tried at sign-in are kept as HMAC under this key, which never leaves the schema.
  await sql`INSERT INTO access.secrets (name, value) VALUES ('account-hmac', ${randomBytes(32)})`.execute(db);
}

async function grants(db: Kysely<never>): Promise<void> {
  await sql`GRANT USAGE ON SCHEMA access TO palisade_core`.execute(db);
  await sql`GRANT SELECT ON access.audit TO palisade_core`.execute(db);
}

export const access: Migration = {
  async up(db: Kysely<never>) {
    await credentials(db);
    await sessions(db);
    await throttle(db);
    await audit(db);
    await grants(db);
  },
};
