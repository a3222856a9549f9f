import { sql, type Kysely, type Migration } from 'kysely';

/** Webhooks of alarms, and what is to be delivered to each: one row an alarm, so that it is sent once. */
export const webhooks: Migration = {
  async up(db: Kysely<never>) {
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
    await sql`CREATE INDEX webhook_deliveries_done ON access.webhook_deliveries (finished_at) WHERE state <> 'pending'`.execute(
      db,
    );
  },
};
