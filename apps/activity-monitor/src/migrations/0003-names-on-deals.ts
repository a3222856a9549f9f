import { sql, type Kysely, type Migration } from 'kysely';

/**
 * A deal's card shows names of its contacts: they stand in the ledger with the opening. They are shown
 * beside the card and count as no opening of their own, so they have a column of their own and no part in any count.
 */
const NAMES_ON_DEALS = `
ALTER TABLE watch.disclosures ADD COLUMN named_contacts uuid[] NOT NULL DEFAULT '{}';
CREATE INDEX outbox_id ON watch.outbox (id);

CREATE OR REPLACE FUNCTION watch.event_of(p watch.disclosures) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'id', p.id,
  'type', CASE WHEN p.measure IN ('deal.opened', 'contact.opened', 'company.opened') THEN 'card.viewed'
               WHEN p.measure = 'list.rows' THEN 'list.viewed' ELSE 'action.admitted' END,
  'at', watch.iso(p.at), 'userId', p.user_id, 'isAdmin', p.is_admin, 'epoch', p.epoch,
  'measure', p.measure, 'kind', p.kind, 'subjectType', p.subject_type,
  'subjectIds', CASE WHEN cardinality(p.subject_ids) > 5000 THEN '[]'::jsonb ELSE to_jsonb(p.subject_ids) END,
  'namedContactIds', to_jsonb(p.named_contacts),
  'masked', p.masked, 'sessionId', p.session_id, 'tokenId', p.token_id, 'ip', p.ip,
  'limits', coalesce(p.limits, '[]'::jsonb), 'refusedBy', NULL, 'held', false);

-- In the statement that opens a deal, after the gate admitted: whose names it shows.
CREATE FUNCTION watch.note_named(p_viewer uuid, p_request uuid, p_deal uuid, p_contacts uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, watch, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_disclosure watch.disclosures;
BEGIN
  UPDATE watch.disclosures AS d SET named_contacts = p_contacts
  WHERE d.request_id = p_request AND d.user_id = p_viewer AND d.measure = 'deal.opened' AND d.subject_id = p_deal
    AND NOT d.named_contacts @> p_contacts
  RETURNING d.* INTO v_disclosure;
  IF FOUND THEN UPDATE watch.outbox AS o SET payload = watch.event_of(v_disclosure) WHERE o.id = v_disclosure.id; END IF;
END $$;
REVOKE ALL ON FUNCTION watch.note_named(uuid, uuid, uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION watch.note_named(uuid, uuid, uuid, uuid[]) TO palisade_gateway;
`;

export const namesOnDeals: Migration = {
  async up(db: Kysely<never>) {
    await sql.raw(NAMES_ON_DEALS).execute(db);
  },
};
