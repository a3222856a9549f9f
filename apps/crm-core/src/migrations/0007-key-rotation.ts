import { sql, type Kysely, type Migration } from 'kysely';

/**
 * Key-encryption keys that wrap nothing any more. A core that has not heard of a rotation yet is refused here, before it can store a
 * key that nobody could open once the old key-encryption key is gone. The trigger runs after the row is written: the transaction
 * holds the table's lock then, and a rotation waits for it (`log/key-rotation.ts`).
 */
export const keyRotation: Migration = {
  async up(db: Kysely<never>) {
    await sql`
      CREATE TABLE vault.retired_keks (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())`.execute(db);
    await sql`
      CREATE FUNCTION vault.kek_of(p_wrapped bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT
      RETURN convert_from(substr(p_wrapped, 3, get_byte(p_wrapped, 1)), 'UTF8')`.execute(db);
    await sql`
      CREATE FUNCTION vault.refuse_retired_kek() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT FROM vault.retired_keks AS r WHERE r.id = vault.kek_of(NEW.wrapped)) THEN
          RAISE EXCEPTION USING ERRCODE = 'PA070', MESSAGE = 'the key-encryption key was retired';
        END IF;
        RETURN NULL;
      END $$`.execute(db);
    await sql`
      CREATE TRIGGER refuse_retired_kek AFTER INSERT OR UPDATE OF wrapped ON vault.keys
      FOR EACH ROW EXECUTE FUNCTION vault.refuse_retired_kek()`.execute(db);
  },
};
