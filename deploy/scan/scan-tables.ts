import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { withClient } from '../src/database-roles.js';
import type { Leak, NumberScan } from './number-scan.js';

export interface TablesSeen {
  readonly leaks: readonly Leak[];
  readonly tables: number;
  readonly bytes: number;
}

/**
 * Every row of every table of every database, read as the superuser: long values lie compressed in the files, where they would not be
 * seen. Nothing that is looked for goes to the database. Afterwards everything written so far is in the files, by a checkpoint.
 */
export async function scanTables(scan: NumberScan, superuserUrl: string): Promise<TablesSeen> {
  const leaks: Leak[] = [];
  let [tables, bytes] = [0, 0];
  for (const database of await databases(superuserUrl)) {
    const url = new URL(superuserUrl);
    url.pathname = `/${encodeURIComponent(database)}`;
    await withClient(url.href, async (client) => {
      for (const table of await tablesOf(client)) {
        const rows = client.query(copyTo(`COPY (SELECT t::text FROM ${table} AS t) TO STDOUT`));
        const read = await scan.scanPieces(`table ${table} of ${database}`, rows);
        leaks.push(...read.leaks);
        tables += 1;
        bytes += read.bytes;
      }
    });
  }
  await withClient(superuserUrl, (client) => client.query('CHECKPOINT'));
  return { leaks, tables, bytes };
}

function databases(superuserUrl: string): Promise<string[]> {
  return withClient(superuserUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'SELECT datname AS name FROM pg_database WHERE datallowconn ORDER BY 1',
    );
    return rows.map(({ name }) => name);
  });
}

/** The catalogues too: statistics hold values of the columns that they are about. */
async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname <> 'pg_toast' ORDER BY 1`);
  return rows.map(({ name }) => name);
}
