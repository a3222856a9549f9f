import { sql, type Kysely, type Migration } from 'kysely';

/** What each rewind hid, so that many small ones of one person add up: a few rows a year. */
export const hidingRewinds: Migration = {
  async up(db: Kysely<never>) {
    await sql`CREATE TABLE monitor.hiding_rewinds (
      id uuid PRIMARY KEY,
      at timestamptz NOT NULL,
      -- Null for what no person did.
      user_id uuid,
      hides integer NOT NULL
    )`.execute(db);
    await sql`CREATE INDEX hiding_rewinds_person ON monitor.hiding_rewinds (user_id, at)`.execute(db);
  },
};
