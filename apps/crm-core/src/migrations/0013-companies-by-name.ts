import { sql, type Kysely, type Migration } from 'kysely';

/** Lines of an import name their company: found by its whole name in any case of letters. */
export const companiesByName: Migration = {
  async up(db: Kysely<never>) {
    await sql`CREATE INDEX companies_by_name ON read.companies (lower(name)) WHERE deleted_at IS NULL`.execute(db);
  },
};
