import { sql, type Kysely, type Migration } from 'kysely';

/**
 * Forms have all their settings and can be deleted. The row of a deleted one stays, for leads that were taken before;
 * it keeps no department in use.
 */
export const formsInFull: Migration = {
  async up(db: Kysely<never>) {
    await sql`ALTER TABLE read.forms ADD COLUMN deleted boolean NOT NULL DEFAULT false`.execute(db);
    // The same as the upcaster of FormCreated gives.
    await sql`
      UPDATE read.forms
      SET settings = '{"requireSignature": false, "quarantine": false, "quarantineAfter": 60, "format": "palisade"}'::jsonb || settings`.execute(
      db,
    );
    await sql`
    CREATE OR REPLACE FUNCTION read.department_in_use(p_department uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
      SELECT EXISTS (SELECT FROM read.users AS u WHERE u.department_id = p_department)
        OR EXISTS (SELECT FROM read.departments AS d WHERE d.parent_id = p_department)
        OR EXISTS (SELECT FROM read.forms AS f WHERE NOT f.deleted AND f.settings->'assign'->>'departmentId' = p_department::text)
    $$`.execute(db);
  },
};
