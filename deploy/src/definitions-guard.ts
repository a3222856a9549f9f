import { DATABASE_ROLES, roleName, withClient } from './database-roles.js';

/** What core (rebuilding) and monitor (a ledger of months) do to tables while they run. The gateway defines nothing. */
const TABLE_COMMANDS = [
  ...['CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'DROP TABLE', 'CREATE INDEX', 'ALTER INDEX', 'DROP INDEX'],
  ...[
    'REINDEX',
    'CREATE STATISTICS',
    'ALTER STATISTICS',
    'DROP STATISTICS',
    'CREATE SEQUENCE',
    'ALTER SEQUENCE',
    'DROP SEQUENCE',
  ],
  'COMMENT',
];
/** Rows of these are written once; migration 0004 of core took the rights to change them from core itself, who owns the tables. */
const KEPT_TABLES = ['es.events', 'es.seals'];
/** The monitor's: migration 0018 took the rights to change what was shown, refused and held. It changes no table here while it runs. */
const WATCHED_SCHEMA = 'watch';
const WATCHED_TABLES = ['watch.disclosures', 'watch.refusals', 'watch.holds'];
/** Core's own: nobody else gets in. */
const CLOSED_SCHEMAS = ['es', 'vault'];
/** Core hands what it rebuilt to its readers. What the monitor makes while it runs is its own. */
const GRANT_COMMANDS = ['GRANT', 'REVOKE'];

const list = (texts: readonly string[]): string => texts.map((text) => `'${text}'`).join(', ');
const SERVICES = DATABASE_ROLES.map(roleName);
const GATEWAY = roleName('gateway');
const CORE = roleName('core');
const MONITOR = roleName('monitor');

/**
 * A service owns its schemas, and others read tables and call functions there: whoever had its login could put a view or a function of his
 * own in their place and have it run by a session of another service, with that one's rights (from gateway to core, say). So sessions that
 * signed in as a service define no code, the gateway's nothing at all, core's nothing in the schema
 * of the log, and the monitor's nothing in that of what was shown. Migrations, which do, run
 * in a session of the superuser that has taken the service's role (`migrationUrl`).
 */
const GUARD = `
CREATE SCHEMA IF NOT EXISTS deploy;

CREATE OR REPLACE FUNCTION deploy.refuse_definition() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF session_user = '${GATEWAY}' OR session_user IN (${list(SERVICES)}) AND tg_tag NOT IN (${list(TABLE_COMMANDS)})
    AND NOT (session_user = '${CORE}' AND tg_tag IN (${list(GRANT_COMMANDS)})) THEN
    RAISE insufficient_privilege USING MESSAGE = format('%s is for migrations, not for %s', tg_tag, session_user);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION deploy.keep_log() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_table text;
  v_schema text;
BEGIN
  IF session_user NOT IN ('${CORE}', '${MONITOR}') THEN RETURN; END IF;
  v_schema := CASE session_user WHEN '${CORE}' THEN 'es' ELSE '${WATCHED_SCHEMA}' END;
  IF tg_event = 'sql_drop' THEN
    IF NOT EXISTS (
      SELECT FROM pg_event_trigger_dropped_objects() AS o WHERE o.schema_name = v_schema OR o.object_identity = v_schema
    ) THEN
      RETURN;
    END IF;
    RAISE insufficient_privilege USING MESSAGE = format('%s touches the log', tg_tag);
  END IF;
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() AS c WHERE c.schema_name = v_schema)
    -- Moved away, or into an heir, whose rows are read as rows of the table and are its owner's to change.
    OR EXISTS (
      SELECT FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent
      WHERE p.relnamespace = to_regnamespace(v_schema) AND p.relkind = 'r'
    )
    OR EXISTS (SELECT FROM unnest(ARRAY[${list(WATCHED_TABLES)}]) AS w(name) WHERE to_regclass(w.name) IS NULL) THEN
    RAISE insufficient_privilege USING MESSAGE = format('%s touches the log', tg_tag);
  END IF;
  IF session_user <> '${CORE}' THEN RETURN; END IF;
  FOREACH v_table IN ARRAY ARRAY[${list(KEPT_TABLES)}] LOOP
    -- Moved or renamed away, or the owner gave the rights back to itself.
    IF to_regclass(v_table) IS NULL OR has_table_privilege(session_user, v_table, 'UPDATE, DELETE, TRUNCATE')
      OR has_any_column_privilege(session_user, v_table, 'UPDATE') THEN
      RAISE insufficient_privilege USING MESSAGE = format('%s touches the log', tg_tag);
    END IF;
  END LOOP;
  -- What was given in these schemas is worth nothing to whom they are closed.
  IF EXISTS (
    SELECT FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
    WHERE n.nspname = ANY (ARRAY[${list(CLOSED_SCHEMAS)}]) AND a.grantee <> n.nspowner
  ) THEN
    RAISE insufficient_privilege USING MESSAGE = format('%s opens the log or the vault to others', tg_tag);
  END IF;
END $$;

DROP EVENT TRIGGER IF EXISTS palisade_refuse_definition;
CREATE EVENT TRIGGER palisade_refuse_definition ON ddl_command_start EXECUTE FUNCTION deploy.refuse_definition();
DROP EVENT TRIGGER IF EXISTS palisade_keep_log;
CREATE EVENT TRIGGER palisade_keep_log ON ddl_command_end EXECUTE FUNCTION deploy.keep_log();
DROP EVENT TRIGGER IF EXISTS palisade_keep_log_drop;
CREATE EVENT TRIGGER palisade_keep_log_drop ON sql_drop EXECUTE FUNCTION deploy.keep_log();`;

/** Makes the guard in a database whose services are migrated, or brings it to this state; in one transaction. Errors are PostgreSQL's. */
export async function guardDefinitions(superuserUrl: string): Promise<void> {
  await withClient(superuserUrl, (client) => client.query(GUARD));
}
