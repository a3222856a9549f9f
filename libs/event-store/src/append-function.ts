import { sql, type Kysely } from 'kysely';

/**
 * `es.append_one`: one event to one stream, without a command and without further locks; what it promises is what `es.append`
 * promises. It takes its values as they are, so that no JSON is taken apart, and sets no search path: all its names are qualified, and
 * it runs with the rights of its caller.
 */
export async function createAppendOne(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE FUNCTION es.append_one(
      p_stream text, p_expected integer, p_id uuid, p_type text, p_schema_version smallint, p_data jsonb, p_metadata jsonb
    ) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      v_actual integer;
    BEGIN
      IF pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PA003', MESSAGE = 'append in a transaction that has written already';
      END IF;
      PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(p_stream, 0));
      SELECT e.version INTO v_actual FROM es.events AS e WHERE e.stream = p_stream ORDER BY e.version DESC LIMIT 1;
      v_actual := coalesce(v_actual, 0);
      IF p_expected <> v_actual THEN
        RAISE EXCEPTION USING ERRCODE = 'PA001', MESSAGE = 'expected version does not match';
      END IF;
      INSERT INTO es.events (seq, tx_id, id, stream, version, type, schema_version, data, metadata)
      VALUES (pg_catalog.nextval('es.events_seq'), pg_catalog.pg_current_xact_id(), p_id, p_stream, v_actual + 1, p_type,
        p_schema_version, p_data, p_metadata);
    END $$`.execute(db);
}
