import { sql, type Kysely, type Migration } from 'kysely';

/** Who was erased, by id, with the destruction act; and how a person's leads and deals are found again. */
export const erasures: Migration = {
  async up(db: Kysely<never>) {
    await sql`
      CREATE TABLE read.erasures (
        contact_id uuid PRIMARY KEY,
        responsible_id uuid,
        erased_at timestamptz NOT NULL,
        erased_by uuid,
        act jsonb NOT NULL,
        version integer NOT NULL
      )`.execute(db);
    await sql`GRANT SELECT ON read.erasures TO palisade_gateway`.execute(db);
    await sql`CREATE INDEX events_lead_contact ON es.events ((data->>'contactId')) WHERE type = 'LeadAccepted'`.execute(db);
    // Run in the append, after the locks of the contacts: a person who is being erased cannot be linked meanwhile.
    await sql`
      CREATE FUNCTION read.require_live_contacts(p_ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        IF (SELECT count(*) FROM read.contacts AS c WHERE c.id = ANY (p_ids) AND c.deleted_at IS NULL) < cardinality(p_ids) THEN
          RAISE EXCEPTION USING ERRCODE = 'PA019', MESSAGE = 'a linked contact is gone';
        END IF;
      END $$`.execute(db);
    // The deals of a person as the erasure was planned on them: two lists of ids, those of his alone and those shared.
    await sql`
      CREATE FUNCTION read.require_deals_of(p_contact uuid, p_alone uuid[], p_shared uuid[]) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (
          SELECT FROM read.deals AS d WHERE d.contact_ids @> ARRAY[p_contact]
            AND NOT (d.id = ANY (CASE WHEN cardinality(d.contact_ids) = 1 THEN p_alone ELSE p_shared END))
        ) THEN
          RAISE EXCEPTION USING ERRCODE = 'PA020', MESSAGE = 'the deals of the person have changed';
        END IF;
      END $$`.execute(db);
  },
};
