import { sql, type Kysely, type Migration } from 'kysely';

/**
 * Why numbers and addresses were shown, beside the audit trail and not in it: these are words about a person, and go with him (ADR 41).
 * Rows of reveals of before are made when core starts and holds the read models against the log.
 */
export const reveals: Migration = {
  async up(db: Kysely<never>) {
    await sql`
      CREATE TABLE read.reveals (
        id uuid PRIMARY KEY,
        record_type text NOT NULL,
        record_id uuid NOT NULL,
        reason text,
        version integer NOT NULL
      )`.execute(db);
    await sql`CREATE INDEX reveals_record ON read.reveals (record_id)`.execute(db);
    await sql`GRANT SELECT ON read.reveals TO palisade_gateway`.execute(db);
    // Run in the append that erases a person, under his lock, which a reveal takes too: none is left out.
    await sql`
      CREATE FUNCTION read.require_reveals_of(p_contact uuid, p_ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT FROM read.reveals AS r WHERE r.record_id = p_contact AND NOT (r.id = ANY (p_ids))) THEN
          RAISE EXCEPTION USING ERRCODE = 'PA020', MESSAGE = 'the reveals of the person have changed';
        END IF;
      END $$`.execute(db);
  },
};
