import { sql, type Kysely, type Migration } from 'kysely';
import { ADMIT_EACH } from './admit-each.js';

/** The gate admits several requests in one transaction (ADR 31). */
export const admitEach: Migration = {
  async up(db: Kysely<never>) {
    await sql.raw(ADMIT_EACH).execute(db);
  },
};
