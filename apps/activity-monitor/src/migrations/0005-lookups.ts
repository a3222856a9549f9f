import { sql, type Kysely, type Migration } from 'kysely';

/**
 * A lookup of a number may find contacts and companies at once, and counts as one. A disclosure has subjects of one type: the contacts
 * found beside companies stand where the contacts named on a deal stand, in the ledger and in no count.
 */
const LOOKUPS = `
-- In the statement of the lookup, after the gate admitted it.
CREATE FUNCTION watch.note_looked_up(p_viewer uuid, p_request uuid, p_contacts uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, watch, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
  -- What is published of it is made when it is read from the outbox (0006).
  UPDATE watch.disclosures AS d SET named_contacts = p_contacts
  WHERE d.request_id = p_request AND d.user_id = p_viewer AND d.measure = 'phone.lookedUp' AND NOT d.named_contacts @> p_contacts;
END $$;
REVOKE ALL ON FUNCTION watch.note_looked_up(uuid, uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION watch.note_looked_up(uuid, uuid, uuid[]) TO palisade_core;
`;

export const lookups: Migration = {
  async up(db: Kysely<never>) {
    await sql.raw(LOOKUPS).execute(db);
  },
};
