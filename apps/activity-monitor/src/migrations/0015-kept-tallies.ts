import { sql, type Kysely, type Migration } from 'kysely';
import { KEPT_TALLIES } from './kept-tallies.js';

/** The next admission finds the tally that it goes on from in one row by key (ADR 37). */
export const keptTallies: Migration = {
  async up(db: Kysely<never>) {
    await sql.raw(KEPT_TALLIES).execute(db);
  },
};
