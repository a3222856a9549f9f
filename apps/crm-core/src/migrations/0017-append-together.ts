import { sql, type Kysely, type Migration } from 'kysely';
import { createAppendTogether } from '#event-store';

/** Keys of one statement are held against the retired key-encryption keys once, not a key at a time (`0007-key-rotation.ts`). */
async function retiredKeks(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE FUNCTION vault.refuse_retired_keks() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM made AS m JOIN vault.retired_keks AS r ON r.id = vault.kek_of(m.wrapped)) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA070', MESSAGE = 'the key-encryption key was retired';
      END IF;
      RETURN NULL;
    END $$`.execute(db);
  await sql`DROP TRIGGER refuse_retired_kek ON vault.keys`.execute(db);
  await sql`
    CREATE TRIGGER refuse_retired_kek AFTER UPDATE OF wrapped ON vault.keys
    FOR EACH ROW EXECUTE FUNCTION vault.refuse_retired_kek()`.execute(db);
  await sql`
    CREATE TRIGGER refuse_retired_keks AFTER INSERT ON vault.keys REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION vault.refuse_retired_keks()`.execute(db);
}

/** Commands that come at the same time share a transaction. */
export const appendTogether0017: Migration = {
  async up(db: Kysely<never>) {
    await createAppendTogether(db);
    await retiredKeks(db);
  },
};
