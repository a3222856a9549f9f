import type { ClientBase } from 'pg';
import { RebuildRefused } from './rebuild-refused.js';
import { BESIDE, type Shapes, type TableShape } from './table-shape.js';

/**
 * Memory for building one index, of each session of the rebuild. Sessions work beside each other, so none takes workers of its own:
 * they would hand the same processors tuples from process to process, a fifth more work in all.
 */
const INDEX_SETTINGS = `SET maintenance_work_mem = '128MB'; SET max_parallel_maintenance_workers = 0`;

/** Removes whatever an earlier rebuild, also one that died, left in the schema. */
export async function dropBeside(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r'`,
    [BESIDE],
  );
  for (const { name } of rows) await client.query(`DROP TABLE ${name}`);
}

/** Empty tables of the same columns, defaults and checks, without indexes. Throws `RebuildRefused` on a table that cannot be copied. */
export async function createBeside(client: ClientBase, shapes: Shapes): Promise<void> {
  for (const shape of shapes.values()) {
    await requireCopyable(client, shape);
    await client.query(`CREATE TABLE ${shape.beside} (LIKE ${shape.table} INCLUDING ALL EXCLUDING INDEXES)`);
    for (const statement of await settingsOf(client, shape)) await client.query(statement);
  }
}

/** Settings of the table and of how its columns are counted, which LIKE does not copy. */
async function settingsOf(client: ClientBase, { table, beside }: TableShape): Promise<readonly string[]> {
  const { rows } = await client.query<{ setting: string }>(
    `SELECT format('SET (%s)', array_to_string(reloptions, ', ')) AS setting FROM pg_class
     WHERE oid = to_regclass($1) AND reloptions IS NOT NULL
     UNION ALL SELECT format('ALTER COLUMN %I SET STATISTICS %s', attname, attstattarget) FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attstattarget IS NOT NULL`,
    [table],
  );
  return rows.map(({ setting }) => `ALTER TABLE ${beside} ${setting}`);
}

/** What LIKE does not copy and this does not either: a table that has it must not be swapped without a word. */
async function requireCopyable(client: ClientBase, { table }: TableShape): Promise<void> {
  const { rows } = await client.query<{ what: string }>(
    `SELECT 'a foreign key' AS what FROM pg_constraint WHERE contype = 'f' AND (conrelid = $1::regclass OR confrelid = $1::regclass)
     UNION ALL SELECT 'row security' FROM pg_class WHERE oid = $1::regclass AND relrowsecurity
     UNION ALL SELECT 'a parent or a child' FROM pg_inherits WHERE inhrelid = $1::regclass OR inhparent = $1::regclass
     UNION ALL SELECT 'a rule' FROM pg_rewrite WHERE ev_class = $1::regclass`,
    [table],
  );
  if (rows[0] !== undefined)
    throw new RebuildRefused(`${table} has ${rows[0].what}, which a rebuild does not copy; teach it, or leave it`);
}

/**
 * The indexes and key constraints of the live tables, under the same names; then every row is frozen (so that also a statement
 * whose snapshot is older than the swap sees it) and counted for the planner. Each session takes the table with the most work that is left,
 * so that all end together.
 */
export async function finishBeside(sessions: readonly ClientBase[], shapes: Shapes): Promise<void> {
  const left = sessions[0] === undefined ? [] : await mostWorkFirst(sessions[0], shapes);
  const finish = async (client: ClientBase): Promise<void> => {
    await client.query(INDEX_SETTINGS);
    for (let shape = left.shift(); shape !== undefined; shape = left.shift()) {
      for (const statement of await indexStatements(client, shape)) await client.query(statement);
      await client.query(`VACUUM (FREEZE, ANALYZE) ${shape.beside}`);
    }
  };
  const done = await Promise.allSettled(sessions.map(finish));
  for (const result of done) if (result.status === 'rejected') throw result.reason;
}

/** Work is what is read: the table once for each of its indexes, and once for the rest. */
async function mostWorkFirst(client: ClientBase, shapes: Shapes): Promise<TableShape[]> {
  const tables = [...shapes.values()];
  const { rows } = await client.query<{ beside: string; work: number }>(
    `SELECT t.beside, pg_relation_size(t.beside::regclass)::float8 * (1 + (
       SELECT count(*) FROM pg_index i WHERE i.indrelid = t.live::regclass
     )) AS work
     FROM unnest($1::text[], $2::text[]) AS t(beside, live)`,
    [tables.map(({ beside }) => beside), tables.map(({ table }) => table)],
  );
  const work = new Map(rows.map((row) => [row.beside, row.work]));
  return tables.sort((a, b) => (work.get(b.beside) ?? 0) - (work.get(a.beside) ?? 0));
}

async function indexStatements(client: ClientBase, { table, beside }: TableShape): Promise<readonly string[]> {
  const { rows } = await client.query<{ definition: string; name: string; kind: string | null }>(
    `SELECT pg_get_indexdef(i.indexrelid) AS definition, quote_ident(c.relname) AS name, k.contype AS kind
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u')
     WHERE i.indrelid = $1::regclass AND i.indisvalid ORDER BY c.relname`,
    [table],
  );
  return rows.flatMap(({ definition, name, kind }) => {
    const create = definition.replace(` ON ${table} `, ` ON ${beside} `);
    if (create === definition) throw new RebuildRefused(`the definition of an index of ${table} is not understood`);
    if (kind === null) return [create];
    return [
      create,
      `ALTER TABLE ${beside} ADD CONSTRAINT ${name} ${kind === 'p' ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${name}`,
    ];
  });
}

/** What makes the rights on a beside table, and its triggers, those of the live one. */
export async function likeLive(client: ClientBase, { table, beside }: TableShape): Promise<readonly string[]> {
  const { rows: rights } = await client.query<{ grantee: string; right: string; grantable: boolean; owner: string }>(
    `SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee, c.relowner::regrole::text AS owner,
       a.privilege_type || coalesce(' (' || quote_ident(a.attname) || ')', '') AS "right", a.is_grantable AS grantable
     FROM pg_class c CROSS JOIN LATERAL (
       SELECT x.*, NULL::name AS attname FROM aclexplode(c.relacl) x
       UNION ALL
       SELECT x.*, t.attname FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) x WHERE t.attrelid = c.oid
     ) a WHERE c.oid = $1::regclass`,
    [table],
  );
  const { rows: triggers } = await client.query<{ definition: string }>(
    `SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal`,
    [table],
  );
  return [
    // Rights that the owner gave up stay given up.
    ...(rights.some(({ right }) => !right.includes('(')) ? [`REVOKE ALL ON ${beside} FROM ${rights[0]?.owner ?? ''}`] : []),
    ...rights.map(
      ({ right, grantee, grantable }) => `GRANT ${right} ON ${beside} TO ${grantee}${grantable ? ' WITH GRANT OPTION' : ''}`,
    ),
    ...triggers.map(({ definition }) => definition.replace(` ON ${table} `, ` ON ${beside} `)),
  ];
}
