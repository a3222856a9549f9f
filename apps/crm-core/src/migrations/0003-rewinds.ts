import { sql, type Kysely, type Migration } from 'kysely';

/**
 * Rewinds: what is planned and how far it is. State of a process and no read model: a rebuild leaves it alone, and what was undone
 * stands in the log. Ids, times and names of fields; nothing of a customer.
 */
async function tables(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE es.rewinds (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL,
      since text NOT NULL,
      until text NOT NULL,
      state text NOT NULL CHECK (state IN ('preview', 'running', 'done', 'failed')),
      asked jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`.execute(db);
  await sql`CREATE INDEX rewinds_running ON es.rewinds (created_at) WHERE state = 'running'`.execute(db);
  await sql`CREATE INDEX rewinds_previews ON es.rewinds (created_at) WHERE state = 'preview'`.execute(db);
  await sql`
    CREATE TABLE es.rewind_records (
      rewind_id uuid NOT NULL REFERENCES es.rewinds (id) ON DELETE CASCADE,
      stream text NOT NULL,
      version integer NOT NULL,
      newest_seq bigint NOT NULL,
      changes integer NOT NULL,
      state text NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
      PRIMARY KEY (rewind_id, stream)
    )`.execute(db);
  await sql`CREATE INDEX rewind_records_pending ON es.rewind_records (rewind_id, newest_seq) WHERE state = 'pending'`.execute(db);
  await sql`
    CREATE TABLE es.rewind_entries (
      rewind_id uuid NOT NULL REFERENCES es.rewinds (id) ON DELETE CASCADE,
      list text NOT NULL CHECK (list IN ('changes', 'conflicts')),
      seq bigint NOT NULL,
      field text COLLATE "C" NOT NULL,
      stream text NOT NULL,
      entry jsonb NOT NULL,
      PRIMARY KEY (rewind_id, list, seq, field)
    )`.execute(db);
  await sql`CREATE INDEX rewind_entries_stream ON es.rewind_entries (rewind_id, stream)`.execute(db);
}

/** A person's events in their time. Events of nobody in particular (lead intake) are not in it. */
async function actorIndex(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE INDEX events_actor ON es.events ((metadata->>'actorId'), (metadata->>'at') COLLATE "C")
    WHERE metadata->>'actorId' IS NOT NULL`.execute(db);
}

export const rewinds: Migration = {
  async up(db: Kysely<never>) {
    await tables(db);
    await actorIndex(db);
  },
};
