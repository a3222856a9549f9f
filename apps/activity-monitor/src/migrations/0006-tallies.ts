import { sql, type Kysely, type Migration } from 'kysely';
import { PERSON_LIMITS } from './person-limits.js';
import { TALLIED_GATE } from './tallied-gate.js';
import { TALLIED_LOG } from './tallied-log.js';

/** The gate goes on from the tally of a person's last disclosure, and keeps the limits that hold for him (ADR 25). */
export const tallies: Migration = {
  async up(db: Kysely<never>) {
    for (const part of [TALLIED_LOG, PERSON_LIMITS, TALLIED_GATE]) await sql.raw(part).execute(db);
  },
};
