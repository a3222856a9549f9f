import { sql, type Kysely, type Migration } from 'kysely';

/** Calls and what became of them; and what holds a record as it was decided about until the append. */
export const calls: Migration = {
  async up(db: Kysely<never>) {
    await sql`
      CREATE TABLE read.calls (
        id uuid PRIMARY KEY,
        record_type text NOT NULL,
        record_id uuid NOT NULL,
        phone_id uuid NOT NULL,
        placed_by uuid NOT NULL,
        placed_at timestamptz NOT NULL,
        state text NOT NULL,
        cause text,
        version integer NOT NULL
      )`.execute(db);
    await sql`CREATE INDEX calls_open ON read.calls (placed_at) WHERE state = 'placed'`.execute(db);
    await sql`GRANT SELECT ON read.calls TO palisade_gateway`.execute(db);
    // Run in the append, after the lock of the record: what was decided about it holds. The code is that of a lost race.
    await sql`
      CREATE FUNCTION read.require_record_at(p_type text, p_id uuid, p_version integer) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        IF p_version IS DISTINCT FROM (CASE p_type
          WHEN 'contact' THEN (SELECT c.version FROM read.contacts AS c WHERE c.id = p_id)
          WHEN 'company' THEN (SELECT c.version FROM read.companies AS c WHERE c.id = p_id) END)
        THEN RAISE EXCEPTION USING ERRCODE = 'PA001', MESSAGE = 'the record has changed'; END IF;
      END $$`.execute(db);
  },
};
