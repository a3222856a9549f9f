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

/**
 * `es.append_each`: many appends of one event each, to a stream each, that have nothing to do with one another, in one transaction: one
 * flush and one round trip for all. Returns the ids of those that did not hold (another version was expected, or somebody else has the
 * stream's lock at this moment) and null when all did. No lock is waited for, so no append waits for another's stream, and the order
 * of locks does not matter. All are taken before the transaction id is drawn.
 */
export async function createAppendEach(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE FUNCTION es.append_each(
      p_streams text[], p_expected integer[], p_ids uuid[], p_types text[], p_schema_versions smallint[], p_data jsonb[],
      p_metadata jsonb[]
    ) RETURNS uuid[] LANGUAGE plpgsql AS $$
    DECLARE
      v_locked boolean[];
      v_appended integer;
    BEGIN
      IF pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PA003', MESSAGE = 'append in a transaction that has written already';
      END IF;
      v_locked := ARRAY(
        SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended(s.stream, 0))
        FROM pg_catalog.unnest(p_streams) AS s(stream)
      );
      INSERT INTO es.events (seq, tx_id, id, stream, version, type, schema_version, data, metadata)
      SELECT pg_catalog.nextval('es.events_seq'), pg_catalog.pg_current_xact_id(), a.id, a.stream, v.actual + 1, a.type,
        a.schema_version, a.data, a.metadata
      FROM ROWS FROM (
        pg_catalog.unnest(p_streams), pg_catalog.unnest(p_expected), pg_catalog.unnest(p_ids), pg_catalog.unnest(p_types),
        pg_catalog.unnest(p_schema_versions), pg_catalog.unnest(p_data), pg_catalog.unnest(p_metadata), pg_catalog.unnest(v_locked)
      ) AS a(stream, expected, id, type, schema_version, data, metadata, locked)
      CROSS JOIN LATERAL (
        SELECT coalesce((SELECT e.version FROM es.events AS e WHERE e.stream = a.stream ORDER BY e.version DESC LIMIT 1), 0)
      ) AS v(actual)
      WHERE a.locked AND v.actual = coalesce(a.expected, v.actual);
      GET DIAGNOSTICS v_appended = ROW_COUNT;
      IF v_appended = pg_catalog.cardinality(p_ids) THEN
        RETURN NULL;
      ELSIF v_appended = 0 THEN
        RETURN p_ids;
      END IF;
      RETURN ARRAY(
        SELECT i.id FROM pg_catalog.unnest(p_ids) AS i(id)
        WHERE NOT EXISTS (SELECT FROM es.events AS e WHERE e.id = i.id AND e.tx_id = pg_catalog.pg_current_xact_id())
      );
    END $$`.execute(db);
}

/**
 * `es.append_together`: the appends of many commands in one transaction, all or none of them; what it promises for each is what `es.append`
 * promises. No lock is waited for: a lock that somebody else has at this moment (PA004), another version than expected (PA001) and a command
 * that is known (a unique violation) take the whole transaction back, and each is to go alone. All locks are taken before the transaction
 * id is drawn. One place of the arrays is one event, `p_steps` being its place behind the stream's version, or one command.
 */
export async function createAppendTogether(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE FUNCTION es.append_together(
      p_locks text[], p_streams text[], p_expected integer[], p_steps integer[], p_ids uuid[], p_types text[],
      p_schema_versions smallint[], p_data jsonb[], p_metadata jsonb[], p_commands uuid[], p_macs bytea[], p_outcomes jsonb[]
    ) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      v_appended integer;
    BEGIN
      IF pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PA003', MESSAGE = 'append in a transaction that has written already';
      END IF;
      IF EXISTS (
        SELECT FROM pg_catalog.unnest(p_locks) AS l(name)
        WHERE NOT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended(l.name, 0))
      ) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA004', MESSAGE = 'somebody else has a lock';
      END IF;
      INSERT INTO es.commands (id, body_mac, outcome)
      SELECT c.id, c.mac, c.outcome
      FROM ROWS FROM (pg_catalog.unnest(p_commands), pg_catalog.unnest(p_macs), pg_catalog.unnest(p_outcomes)) AS c(id, mac, outcome);
      INSERT INTO es.events (seq, tx_id, id, stream, version, type, schema_version, data, metadata)
      SELECT pg_catalog.nextval('es.events_seq'), pg_catalog.pg_current_xact_id(), a.id, a.stream, v.actual + a.step, a.type,
        a.schema_version, a.data, a.metadata
      FROM ROWS FROM (
        pg_catalog.unnest(p_streams), pg_catalog.unnest(p_expected), pg_catalog.unnest(p_steps), pg_catalog.unnest(p_ids),
        pg_catalog.unnest(p_types), pg_catalog.unnest(p_schema_versions), pg_catalog.unnest(p_data), pg_catalog.unnest(p_metadata)
      ) AS a(stream, expected, step, id, type, schema_version, data, metadata)
      CROSS JOIN LATERAL (
        SELECT coalesce((SELECT e.version FROM es.events AS e WHERE e.stream = a.stream ORDER BY e.version DESC LIMIT 1), 0)
      ) AS v(actual)
      WHERE v.actual = coalesce(a.expected, v.actual);
      GET DIAGNOSTICS v_appended = ROW_COUNT;
      IF v_appended <> pg_catalog.cardinality(p_ids) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA001', MESSAGE = 'expected version does not match';
      END IF;
    END $$`.execute(db);
}
