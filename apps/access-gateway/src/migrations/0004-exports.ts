import { sql, type Kysely, type Migration } from 'kysely';

export const exports: Migration = {
  async up(db: Kysely<never>) {
    await sql`
      CREATE TABLE access.exports (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL,
        epoch integer NOT NULL,
        record_type text NOT NULL CHECK (record_type IN ('contact', 'company', 'deal')),
        format text NOT NULL CHECK (format IN ('csv', 'xlsx')),
        of_deleted boolean NOT NULL,
        request_hmac bytea NOT NULL,
        state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        row_ids uuid[] NOT NULL,
        rows integer NOT NULL,
        done integer NOT NULL DEFAULT 0,
        wrapped_key bytea,
        claims integer NOT NULL DEFAULT 0,
        lease_until timestamptz,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz
      )`.execute(db);
    // What is looked at twice a second: whose file is there, or in the making.
    await sql`CREATE INDEX exports_kept ON access.exports (user_id) WHERE wrapped_key IS NOT NULL`.execute(db);
    await sql`CREATE INDEX exports_due ON access.exports (created_at) WHERE state IN ('queued', 'running')`.execute(db);
    await sql`CREATE INDEX exports_by_age ON access.exports (created_at)`.execute(db);
    await sql`
      CREATE TABLE access.export_parts (
        export_id uuid NOT NULL REFERENCES access.exports ON DELETE CASCADE,
        first_row integer NOT NULL,
        row_count integer NOT NULL,
        sealed text NOT NULL,
        PRIMARY KEY (export_id, first_row)
      )`.execute(db);
  },
};
