import { sql, type Kysely, type Migration } from 'kysely';

/**
 * Rows of what was shown, refused and held are written once. The service that owns the tables needs no right to change or remove them but
 * for what the gate itself notes afterwards: names on a deal's card, tallies that are not to be gone on from, further refusals. It cannot
 * give itself more, nor change the tables: `deploy/src/definitions-guard.ts`.
 */
export const keptLog: Migration = {
  async up(db: Kysely<never>) {
    await sql`REVOKE UPDATE, DELETE, TRUNCATE ON watch.disclosures, watch.refusals, watch.holds FROM CURRENT_USER`.execute(db);
    await sql`GRANT UPDATE (named_contacts, tally_distinct) ON watch.disclosures TO CURRENT_USER`.execute(db);
    await sql`GRANT UPDATE (further) ON watch.refusals TO CURRENT_USER`.execute(db);
  },
};
