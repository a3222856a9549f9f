import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { migrate } from '../../apps/crm-core/src/migrations/index.js';
import { BUILT_TABLES } from '../../apps/crm-core/src/log/row-origin.js';
import { setUpDatabase, withDatabase } from '../../deploy/src/database-roles.js';
import { compare, type Bench, type Measurement } from '../measurement.js';
import type { Round } from '../rounds.js';
import { makeSealedLog } from '../sealed-log.js';

/** As many as the goal says; fewer while something is tried out. */
const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 1_000_000);
const DATABASE = 'bench_rebuild';
const TOOL = join(import.meta.dirname, '..', '..', 'apps', 'crm-core', 'src', 'tools', 'rebuild.js');
/** A rebuild that takes longer hangs. */
const WITHIN_MS = 180_000;
/** `npm run rebuild` on a log of a million events, beside a bare COPY of the rows that come of it, without an index. */
export async function rebuildReadModels(bench: Bench): Promise<Measurement[]> {
  const superuserUrl = bench.system.connections.database.superuser;
  const { core, superuser } = await ownDatabase(superuserUrl, bench);
  const { kek } = await makeSealedLog(core, EVENTS, bench.progress);
  // Every table that a rebuild makes: also those that a kind of event added since (the audit trail is three rows of ten of this log).
  const dumps = BUILT_TABLES.map((table) => ({ table, file: join(bench.system.dataDir, `${table}.copy`) }));
  bench.atTheEnd(() => Promise.resolve(dumps.forEach(({ file }) => rmSync(file, { force: true }))));
  bench.progress('the first rebuild');
  await runTool(core, kek, bench);
  await withClient(superuser, async (client) => {
    for (const { table, file } of dumps)
      await pipeline(
        client.query(copyTo(`COPY ${table} (${await columnsOf(client, table)}) TO STDOUT`)),
        createWriteStream(file),
      );
  });
  const [ours, copied] = await bench.measure(
    [
      { name: 'ours', run: () => timed(() => runTool(core, kek, bench)) },
      { name: 'COPY of the same rows', run: () => timed(() => copyRows(superuser, dumps)) },
    ],
    { wholeRuns: true },
  );
  if (ours === undefined || copied === undefined) throw new Error('no rounds');
  return [
    {
      ...{ name: 'rebuild', title: `rebuild from ${EVENTS.toLocaleString('en')} events, events/s`, ours },
      comparisons: [
        compare(ours, copied, { figure: 'perSecond', is: 'least', value: 0.1 }),
        compare(ours, fixedRate('20,000 events/s', 20_000), { figure: 'perSecond', is: 'least', value: 1 }),
      ],
    },
  ];
}

/** A goal that is a figure and no other program. */
function fixedRate(name: string, rate: number): Parameters<typeof compare>[1] {
  const summary = { median: rate, min: rate, max: rate };
  const none = { median: 0, min: 0, max: 0 };
  return { name, rounds: [], perSecond: summary, p50: none, p99: none };
}

async function timed(work: () => Promise<void>): Promise<Round> {
  const before = performance.now();
  await work();
  const took = performance.now() - before;
  return { perSecond: (EVENTS / took) * 1000, p50: took, p99: took };
}

/** A database of its own: the installation's log stays as it is. */
async function ownDatabase(superuserUrl: string, { system }: Bench): Promise<{ core: string; superuser: string }> {
  const password = (url: string): string => decodeURIComponent(new URL(url).password);
  const { core, gateway, monitor } = system.connections.database;
  const passwords = { core: password(core), gateway: password(gateway), monitor: password(monitor) };
  const urls = await setUpDatabase(withDatabase(superuserUrl, 'postgres'), passwords, DATABASE);
  await migrate(urls.core);
  return { core: urls.core, superuser: urls.superuser };
}

async function runTool(databaseUrl: string, kek: string, { system }: Bench): Promise<void> {
  const { url, users } = system.connections.nats;
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', PALISADE_DATABASE_URL: databaseUrl, PALISADE_KEK: kek, PALISADE_NATS_URL: url },
    ...{ PALISADE_NATS_USER: users.core.user, PALISADE_NATS_PASSWORD: users.core.password },
  };
  const child = spawn(process.execPath, [TOOL], { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: WITHIN_MS });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the rebuild failed (${code}): ${said}`);
  process.stderr.write(`${said.trim().split('\n').slice(-2).join('; ')}\n`);
}

/** Fresh tables without an index, filled from files, in one connection. */
async function copyRows(
  superuserUrl: string,
  dumps: ReadonlyArray<{ readonly table: string; readonly file: string }>,
): Promise<void> {
  await withClient(superuserUrl, async (client) => {
    await client.query('DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor');
    for (const { table, file } of dumps) {
      const target = `floor.${table.slice(table.indexOf('.') + 1)}`;
      await client.query(`CREATE TABLE ${target} (LIKE ${table} INCLUDING ALL EXCLUDING INDEXES)`);
      const columns = await columnsOf(client, table);
      await pipeline(createReadStream(file), client.query(copyFrom(`COPY ${target} (${columns}) FROM STDIN`)));
    }
  });
}

async function columnsOf(client: Client, table: string): Promise<string> {
  const { rows } = await client.query<{ columns: string }>(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    [table],
  );
  return rows[0]?.columns ?? '';
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
