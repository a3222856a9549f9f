import { sql, type Kysely, type Migration } from 'kysely';

/** Who left lists of numbers and addresses empty, of the last day: so that many within minutes add up. */
export const emptiedLists: Migration = {
  async up(db: Kysely<never>) {
    await sql`CREATE TABLE monitor.emptied_lists (
      id uuid PRIMARY KEY,
      at timestamptz NOT NULL,
      user_id uuid NOT NULL
    )`.execute(db);
    await sql`CREATE INDEX emptied_lists_person ON monitor.emptied_lists (user_id, at)`.execute(db);
  },
};
