import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { withClient } from '../src/database-roles.js';
import type { DemoRun } from './demo-run.js';

const ANSWERS_WITHIN_MS = 30_000;
const ROWS_AT_ONCE = 1_000;
const FORBIDDEN = ['es.events', 'vault.points'] as const;
/** `insufficient_privilege` (PostgreSQL, appendix A). */
const REFUSED = '42501';

/** What the gateway's role got to see. */
interface Seen {
  readonly contacts: number;
  /** A masked phone. */
  readonly masked: string;
  /** What the database said of each forbidden table; null where it let the role read. */
  readonly refusals: readonly { readonly table: string; readonly refusal: string | null }[];
  readonly tables: number;
  readonly rows: number;
  /** Places that hold a number or an address of this run. */
  readonly found: number;
}

/** What the database, seen with the gateway's role, has of the numbers. What the edge cannot read, the edge cannot leak. */
export async function lookAsGateway(run: DemoRun): Promise<void> {
  const { findings, terminal, planted, options } = run;
  const seen = await untilItAnswers(() => withClient(run.system.gatewayDatabaseUrl, (client) => look(run, client)));
  const { contacts, masked, refusals, tables, rows, found } = seen;
  terminal.line(`  read.contacts: ${contacts} rows; a phone of them: ${masked}`);
  findings.expect('its read models hold masks', contacts >= options.contacts && /^\+7 \*{3} \*{3}-\*{2}-\d\d$/.test(masked));
  for (const { table, refusal } of refusals) {
    findings.expect(`${table} is closed to the gateway`, refusal !== null, refusal ?? 'it can be read');
  }
  const searched = `${planted.size} numbers and addresses of this run in ${tables} tables it can read (${rows} rows)`;
  findings.expect(searched, found === 0 && tables > 0, `${found} found`);
}

async function look({ terminal, planted }: DemoRun, client: pg.Client): Promise<Seen> {
  const { rows: summary } = await client.query<{ contacts: number; masked: string | null }>(
    `SELECT count(*)::int AS contacts, max(phones -> 0 ->> 'masked') FILTER (WHERE phones -> 0 ->> 'masked' LIKE '+7 %') AS masked
     FROM read.contacts`,
  );
  const refusals: { table: string; refusal: string | null }[] = [];
  for (const table of FORBIDDEN) refusals.push({ table, refusal: await refusalOf(client, table) });
  const tables = await readableTables(client);
  let rows = 0;
  let found = 0;
  for (const table of tables) {
    rows += await scan(client, table, (text) => (found += planted.scan('an answer', text).length));
    terminal.live(`  searched ${table}: ${rows} rows`);
  }
  return {
    contacts: summary[0]?.contacts ?? 0,
    masked: summary[0]?.masked ?? 'none',
    refusals,
    tables: tables.length,
    rows,
    found,
  };
}

/** The database may be killed and come back at any moment, like everything else. The last error is thrown. */
async function untilItAnswers<T>(work: () => Promise<T>): Promise<T> {
  for (const end = performance.now() + ANSWERS_WITHIN_MS; ; await sleep(500)) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

async function refusalOf(client: pg.Client, table: string): Promise<string | null> {
  try {
    await client.query(`SELECT * FROM ${table} LIMIT 1`);
    return null;
  } catch (error) {
    // A lost connection is no refusal.
    if (error instanceof pg.DatabaseError && error.code === REFUSED) return error.message;
    throw error;
  }
}

/** Every table the role may select from, whatever the schema. */
async function readableTables(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
      AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY 1`);
  return rows.map(({ name }) => name);
}

/** Reads a table through a cursor and hands every row over as text. The search is done here: a clear number is no parameter of a statement. */
async function scan(client: pg.Client, table: string, look: (text: string) => void): Promise<number> {
  await client.query('BEGIN READ ONLY');
  try {
    await client.query(`DECLARE every_row NO SCROLL CURSOR FOR SELECT row_to_json(t)::text AS text FROM ${table} AS t`);
    for (let count = 0; ;) {
      const { rows } = await client.query<{ text: string }>(`FETCH ${ROWS_AT_ONCE} FROM every_row`);
      for (const { text } of rows) look(text);
      count += rows.length;
      if (rows.length < ROWS_AT_ONCE) return count;
    }
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}
