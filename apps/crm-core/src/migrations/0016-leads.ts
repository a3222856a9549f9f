import { sql, type Kysely, type Migration } from 'kysely';

/** Leads as their streams tell them; rows of those that are there already are made at the next start (`rebuild/start-check.ts`). */
async function table(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE read.leads (
      id uuid PRIMARY KEY,
      form_id uuid NOT NULL,
      state text NOT NULL,
      reason text,
      received_at timestamptz NOT NULL,
      shown jsonb,
      attribution jsonb,
      possible_duplicates uuid[] NOT NULL DEFAULT '{}',
      version integer NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX leads_waiting ON read.leads (state, received_at DESC, id DESC) WHERE state <> 'accepted'`.execute(db);
  await sql`GRANT SELECT ON read.leads TO palisade_gateway`.execute(db);
}

/**
 * Whose turn it was moves on in the append that gives the lead, under the turn's lock: whoever lost his lead lost no turn, and who
 * went away meanwhile gets none.
 */
async function turns(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE FUNCTION es.take_turn(p_form uuid, p_department uuid, p_last uuid, p_next uuid) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF (SELECT t.user_id FROM es.form_turns AS t WHERE t.form_id = p_form) IS DISTINCT FROM p_last
        OR NOT EXISTS (SELECT FROM read.principals AS p WHERE p.user_id = p_next AND p.department_id = p_department
                         AND p.status = 'active' AND NOT watch.is_held(p.user_id))
      THEN
        RAISE EXCEPTION USING ERRCODE = 'PA161', MESSAGE = 'the turn has passed';
      END IF;
      INSERT INTO es.form_turns (form_id, user_id) VALUES (p_form, p_next)
      ON CONFLICT (form_id) DO UPDATE SET user_id = excluded.user_id;
    END $$`.execute(db);
}

/**
 * The possible duplicates of a contact that a lead made, for one who may see each of them, hidden and erased ones too (else what he is
 * told would tell of those he may not see); null for everybody else. Named are those that are there. `p_people` are those whose
 * contacts the viewer may see; null: everybody's and nobody's. A function, so that a card without a lead does not pay for it.
 */
async function duplicates(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE FUNCTION read.possible_duplicates(p_lead uuid, p_people uuid[]) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
    DECLARE
      v_named uuid[] := (SELECT l.possible_duplicates FROM read.leads AS l WHERE l.id = p_lead);
    BEGIN
      IF cardinality(v_named) IS NULL OR cardinality(v_named) = 0 THEN RETURN NULL; END IF;
      IF p_people IS NOT NULL AND EXISTS (
        SELECT FROM unnest(v_named) AS d(id)
        LEFT JOIN read.contacts AS c ON c.id = d.id
        LEFT JOIN read.erasures AS e ON e.contact_id = d.id
        WHERE coalesce(c.responsible_id, e.responsible_id) = ANY (p_people) IS NOT TRUE
      ) THEN RETURN NULL; END IF;
      RETURN (SELECT array_agg(c.id ORDER BY c.id) FROM read.contacts AS c WHERE c.id = ANY (v_named) AND c.deleted_at IS NULL);
    END $$`.execute(db);
  await sql`REVOKE ALL ON FUNCTION read.possible_duplicates(uuid, uuid[]) FROM PUBLIC`.execute(db);
  await sql`GRANT EXECUTE ON FUNCTION read.possible_duplicates(uuid, uuid[]) TO palisade_gateway`.execute(db);
}

export const leads: Migration = {
  async up(db: Kysely<never>) {
    await table(db);
    await turns(db);
    await duplicates(db);
  },
};
