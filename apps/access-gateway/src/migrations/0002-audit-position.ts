import { sql, type Kysely, type Migration } from 'kysely';

/**
 * Gives each entry of the audit a place in commit order: core reads up to the oldest transaction still open, so an entry that is
 * committed late is not passed. Entries of before get the place they lie at.
 */
export const auditPosition: Migration = {
  async up(db: Kysely<never>) {
    await sql`
      ALTER TABLE access.audit
        ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY,
        ADD COLUMN tx_id xid8 NOT NULL DEFAULT pg_current_xact_id()`.execute(db);
    await sql`CREATE UNIQUE INDEX audit_commit_order ON access.audit (tx_id, position)`.execute(db);
  },
};
