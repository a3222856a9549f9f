import type pg from 'pg';

/** Rows of one statement: a step that can be told of. */
const ROWS_AT_ONCE = 100_000;

type Index = { readonly name: string; readonly definition: string };

/**
 * Copies the contacts of a company in the read model until there are so many, each with an id and a time of its own. Through commands
 * a million would take half an hour.
 */
export async function copyContacts(client: pg.Client, wanted: number): Promise<void> {
  const { rows: columns } = await client.query<{ name: string }>(
    `SELECT column_name AS name FROM information_schema.columns
     WHERE table_schema = 'read' AND table_name = 'contacts' AND is_generated = 'NEVER' ORDER BY ordinal_position`,
  );
  const own: Readonly<Record<string, string>> = {
    id: 'uuidv7()',
    created_at: `c.created_at - (copy * interval '1 minute' + random() * interval '1 minute')`,
  };
  const names = columns.map(({ name }) => name);
  await client.query(
    `INSERT INTO read.contacts (${names.join(', ')})
     SELECT ${names.map((name) => own[name] ?? `c.${name}`).join(', ')}
     FROM (SELECT *, count(*) OVER () AS present FROM read.contacts) AS c
     CROSS JOIN LATERAL generate_series(1, ceil($1::float8 / c.present)::int) AS copy
     LIMIT greatest(0, $1 - (SELECT count(*) FROM read.contacts))`,
    [wanted],
  );
}

/**
 * Grows an installation to so many contacts with what belongs to each: a key, two points under hashes of nobody's, and as many events
 * as make up the number asked for. The events are the first ones' once more, from before everything else: they are relayed and sealed
 * no more. As a superuser, while the services stand still: indexes are away meanwhile.
 */
export async function growCompany(
  client: pg.Client,
  { contacts, events }: { readonly contacts: number; readonly events: number },
  progress: (text: string) => void,
): Promise<void> {
  await client.query('SET statement_timeout = 0');
  await client.query('SET transaction_timeout = 0');
  await client.query('SET synchronous_commit = off');
  await client.query("SET maintenance_work_mem = '512MB'");
  // Of copies nothing is checked by triggers.
  await client.query('SET session_replication_role = replica');
  const tables = ['read.contacts', 'vault.points', 'vault.keys', 'es.events'];
  const indexes = (await Promise.all(tables.map((table) => plainIndexes(client, table)))).flat();
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
  progress(`${contacts} contacts`);
  await copyContacts(client, contacts);
  await client.query(
    `CREATE TEMPORARY TABLE copies AS SELECT row_number() OVER () AS n, c.id FROM read.contacts AS c
     WHERE NOT EXISTS (SELECT FROM vault.keys AS k WHERE k.owner = 'contact-' || c.id)`,
  );
  await client.query('CREATE UNIQUE INDEX ON copies (n)');
  const { rows } = await client.query<{ copies: number; present: number }>(
    'SELECT (SELECT count(*) FROM copies)::int AS copies, (SELECT count(*) FROM es.events)::int AS present',
  );
  const { copies, present } = rows[0] ?? { copies: 0, present: 0 };
  const eventsOfOne = Math.ceil(Math.max(0, events - present) / Math.max(1, copies));
  for (let from = 1; from <= copies; from += ROWS_AT_ONCE) {
    progress(`${contacts} contacts, ${events} events: ${Math.round((100 * from) / copies)} %`);
    await addParts(client, from, eventsOfOne);
  }
  for (const { definition } of indexes) {
    progress(definition.slice(0, 80));
    await client.query(definition);
  }
  progress('statistics');
  for (const table of tables) await client.query(`VACUUM (ANALYZE) ${table}`);
}

/** Keys, points and events of the copies from this number on. */
async function addParts(client: pg.Client, from: number, eventsOfOne: number): Promise<void> {
  const some = `(SELECT id FROM copies WHERE n >= ${from} AND n < ${from + ROWS_AT_ONCE}) AS c`;
  await client.query(
    `INSERT INTO vault.keys (owner, wrapped) SELECT 'contact-' || c.id, (SELECT wrapped FROM vault.keys LIMIT 1) FROM ${some}`,
  );
  await client.query(
    `INSERT INTO vault.points (id, record_type, record_id, kind, blind_index, sealed)
     SELECT uuidv7(), 'contact', c.id, kind, decode(md5(random()::text) || md5(random()::text), 'hex'),
       (SELECT sealed FROM vault.points LIMIT 1)
     FROM ${some}, unnest(ARRAY['phone', 'email']) AS kind`,
  );
  await client.query(
    `INSERT INTO es.events (seq, tx_id, id, stream, version, type, schema_version, data, metadata)
     SELECT nextval('es.events_seq'), '3', uuidv7(), 'contact-' || c.id, step, e.type, e.schema_version, e.data, e.metadata
     FROM ${some}, generate_series(1, ${eventsOfOne}) AS step,
       (SELECT * FROM es.events WHERE type = 'ContactCreated' LIMIT 1) AS e`,
  );
}

/** Indexes that no constraint stands on: to be made once the rows are there. */
async function plainIndexes(client: pg.Client, table: string): Promise<readonly Index[]> {
  const { rows } = await client.query<Index>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index AS i
     WHERE i.indrelid = $1::regclass AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)`,
    [table],
  );
  return rows;
}
