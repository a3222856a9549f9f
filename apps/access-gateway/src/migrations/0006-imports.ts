import { sql, type Kysely, type Migration } from 'kysely';

export const imports: Migration = {
  async up(db: Kysely<never>) {
    await sql`
      CREATE TABLE access.imports (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL,
        epoch integer NOT NULL,
        session_id uuid,
        token_id uuid,
        ip text NOT NULL,
        dry_run boolean NOT NULL,
        request_hmac bytea NOT NULL,
        state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        rows integer NOT NULL,
        done integer NOT NULL DEFAULT 0,
        refused integer NOT NULL DEFAULT 0,
        refused_lines jsonb NOT NULL DEFAULT '[]',
        claims integer NOT NULL DEFAULT 0,
        lease_until timestamptz,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz
      )`.execute(db);
    await sql`CREATE INDEX imports_due ON access.imports (created_at) WHERE state IN ('queued', 'running')`.execute(db);
    await sql`CREATE INDEX imports_by_age ON access.imports (created_at)`.execute(db);
    await sql`
      CREATE TABLE access.import_parts (
        import_id uuid NOT NULL REFERENCES access.imports ON DELETE CASCADE,
        part integer NOT NULL,
        row_count integer NOT NULL,
        command_id uuid NOT NULL,
        sealed text NOT NULL,
        PRIMARY KEY (import_id, part)
      )`.execute(db);
  },
};
