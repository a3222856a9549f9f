import { sql, type Kysely } from 'kysely';

/**
 * Creates the log's tables and `es.append` in schema `es`, owned by the role that runs this.
 *
 * Order. `tx_id` is drawn under the locks of the streams, so of two appends to one stream the later has the larger one, and a
 * reader that stops at `pg_snapshot_xmin(pg_current_snapshot())` never passes a transaction that is still open. A transaction that
 * had written before would carry an older id: `es.append` refuses it.
 */
export async function createEventStore(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE es.events (
      seq bigint PRIMARY KEY,
      tx_id xid8 NOT NULL,
      id uuid NOT NULL UNIQUE,
      stream text NOT NULL,
      version integer NOT NULL CHECK (version > 0),
      type text NOT NULL,
      schema_version smallint NOT NULL,
      data jsonb NOT NULL,
      metadata jsonb NOT NULL,
      UNIQUE (stream, version)
    )`.execute(db);
  await sql`CREATE SEQUENCE es.events_seq AS bigint OWNED BY es.events.seq`.execute(db);
  await sql`CREATE INDEX events_commit_order ON es.events (tx_id, seq)`.execute(db);
  await sql`
    CREATE TABLE es.checkpoints (
      name text PRIMARY KEY,
      tx_id xid8 NOT NULL,
      seq bigint NOT NULL,
      incarnation text NOT NULL DEFAULT ''
    )`.execute(db);
  await sql`
    CREATE TABLE es.commands (
      id uuid PRIMARY KEY,
      body_mac bytea NOT NULL,
      outcome jsonb NOT NULL,
      at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`.execute(db);
  await sql`CREATE INDEX commands_at ON es.commands (at)`.execute(db);
  await sql`
    CREATE FUNCTION es.append(p_locks text[], p_streams text[], p_expected integer[], p_events jsonb, p_command jsonb)
    RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      v_key bigint;
      v_actual integer;
      v_base integer[] := '{}';
    BEGIN
      IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PA003', MESSAGE = 'append in a transaction that has written already';
      END IF;
      FOR v_key IN
        SELECT DISTINCT hashtextextended(k, 0) FROM unnest(p_streams || p_locks) AS k ORDER BY 1
      LOOP
        PERFORM pg_advisory_xact_lock(v_key);
      END LOOP;
      IF p_command IS NOT NULL AND EXISTS (SELECT FROM es.commands WHERE id = (p_command->>'id')::uuid) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA002', MESSAGE = 'command was carried out before';
      END IF;
      FOR i IN 1 .. coalesce(array_length(p_streams, 1), 0) LOOP
        SELECT coalesce(max(version), 0) INTO v_actual FROM es.events WHERE stream = p_streams[i];
        IF p_expected[i] <> v_actual THEN
          RAISE EXCEPTION USING ERRCODE = 'PA001', MESSAGE = 'expected version does not match';
        END IF;
        v_base := v_base || v_actual;
      END LOOP;
      IF p_command IS NOT NULL THEN
        INSERT INTO es.commands (id, body_mac, outcome)
        VALUES ((p_command->>'id')::uuid, decode(p_command->>'mac', 'hex'), p_command->'outcome');
      END IF;
      INSERT INTO es.events (seq, tx_id, id, stream, version, type, schema_version, data, metadata)
      SELECT nextval('es.events_seq'), pg_current_xact_id(), e.id, p_streams[e.s], v_base[e.s] + e.k, e.type, e.v, e.data, e.metadata
      FROM jsonb_to_recordset(p_events) AS e(id uuid, s integer, k integer, type text, v smallint, data jsonb, metadata jsonb);
      RETURN currval('es.events_seq');
    END $$`.execute(db);
}
