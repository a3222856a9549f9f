import { sql, type Kysely, type Migration } from 'kysely';

/** Definitions of fields, and what is raised under the lock of their kind of record. */
async function customFields(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE read.custom_fields (
      id uuid PRIMARY KEY,
      record_type text NOT NULL CHECK (record_type IN ('contact', 'company', 'deal')),
      name text NOT NULL,
      type text NOT NULL CHECK (type IN ('text', 'number', 'date', 'boolean', 'choice', 'phone')),
      choices text[],
      version integer NOT NULL
    )`.execute(db);
  await sql`
    CREATE FUNCTION read.require_custom_fields(p_record_type text, p_most integer) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM read.custom_fields WHERE record_type = p_record_type GROUP BY name HAVING count(*) > 1) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA015', MESSAGE = 'a custom field of this name is there already';
      END IF;
      IF (SELECT count(*) FROM read.custom_fields WHERE record_type = p_record_type) > p_most THEN
        RAISE EXCEPTION USING ERRCODE = 'PA016', MESSAGE = 'too many custom fields';
      END IF;
    END $$`.execute(db);
}

export const recordsInFull: Migration = {
  async up(db: Kysely<never>) {
    await customFields(db);
  },
};
