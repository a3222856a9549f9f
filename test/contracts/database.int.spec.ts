import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { testDatabase, type TestDatabase } from '#testing';

const FILE = join(import.meta.dirname, 'database.gen.sql');
const SCHEMAS = ['es', 'vault', 'read', 'rebuild', 'access', 'watch', 'monitor', 'deploy'];

/** Partitions come and go with the months; the migrations' own books say nothing. */
const SHOWN = `n.nspname = ANY($1) AND NOT c.relispartition AND c.relname !~ '^migrations'`;
const RELATIONS = `
  SELECT n.nspname || '.' || c.relname AS name, c.oid,
    CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
    pg_get_userbyid(c.relowner) AS owner, CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END AS body
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE ${SHOWN} AND c.relkind IN ('r', 'p', 'v', 'S') ORDER BY 1`;
const PARTS = `
  SELECT c.oid, 0 AS rank, a.attnum::text AS place, '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS line
  FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE ${SHOWN} AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
  SELECT c.oid, 1, k.conname, '  ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
  FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE ${SHOWN} AND k.contype IN ('c', 'f', 'x')
UNION ALL
  SELECT c.oid, 2, pg_get_indexdef(i.indexrelid), '  ' || pg_get_indexdef(i.indexrelid)
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE ${SHOWN}
UNION ALL
  SELECT c.oid, 3, t.tgname, '  ' || pg_get_triggerdef(t.oid)
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE ${SHOWN} AND NOT t.tgisinternal
UNION ALL
  SELECT c.oid, 4, g.grantee::regrole::text, '  GRANT ' || string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type) || ' TO ' || g.grantee::regrole
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, aclexplode(c.relacl) AS g
  WHERE ${SHOWN} AND c.relkind IN ('r', 'p', 'v', 'S') GROUP BY c.oid, g.grantee
UNION ALL
  SELECT c.oid, 5, a.attname || g.grantee::regrole, '  GRANT ' || g.privilege_type || ' (' || a.attname || ') TO ' || g.grantee::regrole
  FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace, aclexplode(a.attacl) AS g
  WHERE ${SHOWN}`;
/** Bodies of functions stand in their migrations; here a digest tells that one changed. */
const FUNCTIONS = `
  SELECT 'FUNCTION ' || n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ') RETURNS '
    || pg_get_function_result(p.oid) || ' OWNER ' || pg_get_userbyid(p.proowner) || CASE WHEN p.prosecdef THEN ' SECURITY DEFINER' ELSE '' END
    || coalesce(' SET ' || array_to_string(p.proconfig, '; '), '') || ' BODY ' || left(encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex'), 16)
    || coalesce(' EXECUTE ' || (SELECT string_agg(CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END, ', ' ORDER BY g.grantee::regrole::text)
      FROM aclexplode(p.proacl) AS g), '') AS line
  FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ANY($1) ORDER BY 1`;

interface Relation {
  readonly name: string;
  readonly oid: number;
  readonly kind: string;
  readonly owner: string;
  readonly body: string | null;
}

/** What the migrations made: every table, column, index, right and function, in one order. */
async function shapeOf(database: TestDatabase): Promise<string> {
  const client = new pg.Client({ connectionString: database.superuserUrl });
  await client.connect();
  try {
    const relations = await client.query<Relation>(RELATIONS, [SCHEMAS]);
    const inOrder = `SELECT oid, line FROM (${PARTS}) AS part ORDER BY oid, rank, length(place), place`;
    const parts = await client.query<{ oid: number; line: string }>(inOrder, [SCHEMAS]);
    const functions = await client.query<{ line: string }>(FUNCTIONS, [SCHEMAS]);
    const shown = relations.rows.map(({ name, oid, kind, owner, body }) => {
      const lines = parts.rows.filter((part) => part.oid === oid).map(({ line }) => line);
      return [`${kind} ${name} OWNER ${owner}`, ...(body === null ? [] : [body]), ...lines].join('\n');
    });
    return `${[...shown, functions.rows.map(({ line }) => line).join('\n')].join('\n\n')}\n`;
  } finally {
    await client.end();
  }
}

describe('the database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(() => database.drop());

  it('is as committed, to the index and the right (write it anew with WRITE_DOCS=1)', async () => {
    const shape = await shapeOf(database);
    if (process.env['WRITE_DOCS'] === '1') writeFileSync(FILE, shape);
    expect(shape.split('\n')).toEqual(readFileSync(FILE, 'utf8').split('\n'));
  });
});
