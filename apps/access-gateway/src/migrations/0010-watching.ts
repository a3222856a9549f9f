import { sql, type Kysely, type Migration } from 'kysely';

/** Webhooks of alarms, and what is to be delivered to each: one row an alarm, so that it is sent once. */
async function webhooks(db: Kysely<never>): Promise<void> {
  await sql`
      CREATE TABLE access.webhooks (
        id uuid PRIMARY KEY,
        -- URL and secret, sealed; null when it has ended.
        sealed text,
        types text[] NOT NULL,
        request_hmac bytea NOT NULL,
        -- Alarms with a later id are for it.
        after_alarm_id uuid NOT NULL DEFAULT uuidv7(),
        -- The last one that was looked at for it.
        noted_alarm_id uuid,
        created_by uuid NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended_at timestamptz
      )`.execute(db);
  await sql`CREATE INDEX webhooks_live ON access.webhooks (id) WHERE ended_at IS NULL`.execute(db);
  await sql`
      CREATE TABLE access.webhook_deliveries (
        webhook_id uuid NOT NULL REFERENCES access.webhooks ON DELETE CASCADE,
        alarm_id uuid NOT NULL,
        type text NOT NULL,
        -- What is sent; null when it was taken.
        body text,
        state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
        attempts integer NOT NULL DEFAULT 0,
        due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        lease_until timestamptz,
        last_fault text,
        last_status integer,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz,
        PRIMARY KEY (webhook_id, alarm_id)
      )`.execute(db);
  await sql`CREATE INDEX webhook_deliveries_due ON access.webhook_deliveries (webhook_id, alarm_id) WHERE state = 'pending'`.execute(
    db,
  );
  await sql`CREATE INDEX webhook_deliveries_done ON access.webhook_deliveries (finished_at) WHERE state <> 'pending'`.execute(db);
}

/**
 * What the monitor raises alarms about, and no more of the audit than that: failures of signing in, and how often people were refused
 * or asked for what is not there. An account is an HMAC, a name tried at sign-in never leaves the schema.
 */
async function refusals(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE VIEW access.refused_sign_ins AS
    SELECT id, at, type, actor_id, ip, details->>'account' AS account, details->>'reason' AS reason
    FROM access.audit WHERE type IN ('sign-in.failed', 'sign-in.refused')`.execute(db);
  await sql`
    CREATE TABLE access.refused_requests (
      user_id uuid NOT NULL,
      second timestamptz NOT NULL,
      count integer NOT NULL,
      PRIMARY KEY (user_id, second)
    )`.execute(db);
  await sql`CREATE INDEX refused_requests_second ON access.refused_requests (second)`.execute(db);
  await sql`GRANT USAGE ON SCHEMA access TO palisade_monitor`.execute(db);
  await sql`GRANT SELECT ON access.refused_sign_ins, access.refused_requests TO palisade_monitor`.execute(db);
}

export const watching: Migration = {
  async up(db: Kysely<never>) {
    await webhooks(db);
    await refusals(db);
  },
};
