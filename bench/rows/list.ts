import pg from 'pg';
import { BenchProcess } from '../child-process.js';
import { copyContacts } from '../company-copies.js';
import type { Company } from '../company.js';
import type { LoadRequest } from '../load/http-load.js';
import { compare, CONNECTIONS, type Bench, type Measurement } from '../measurement.js';

/** The goal's number of contacts; fewer, or more, with `BENCH_CONTACTS`. */
const DEFAULT_CONTACTS = 1_000_000;
const MOST_CONTACTS = 5_000_000;
const ROWS = 50;
const REQUESTS_A_CONNECTION = 64;

/**
 * The first page of a list, with the policy at level group, beside one Fastify route with one SELECT of the same rows: the same people's
 * contacts, newest first. Every page passes the gate, row by row.
 */
export async function listContacts(bench: Bench): Promise<Measurement[]> {
  const company = await bench.company();
  const wanted = contactsWanted();
  bench.progress(`making ${wanted} contacts`);
  await fillUp(bench.system.connections.database.superuser, wanted);
  const floor = new BenchProcess('floors/list-floor.js');
  bench.atTheEnd(() => floor.stop());
  const floorUrl = await floor.ask<string>('listen', { databaseUrl: bench.system.connections.database.gateway }, 10_000);
  const ours = pages(company, ({ token }) => ({
    ...{ method: 'GET', path: `/v1/contacts?limit=${ROWS}` },
    headers: { authorization: `Bearer ${token}` },
  }));
  const bare = pages(company, ({ department }) => ({
    ...{ method: 'GET', path: `/departments/${company.departmentIds[department]}` },
  }));
  const side = (name: string, url: string, requests: ReadonlyArray<readonly LoadRequest[]>) => ({
    name,
    run: (seconds: number) => bench.load.run({ url, connections: CONNECTIONS, seconds, requests, expectedStatus: 200 }),
  });
  const [list, bareList] = await bench.measure([
    side('ours', bench.system.gatewayUrl, ours),
    side('Fastify, one SELECT', floorUrl, bare),
  ]);
  if (list === undefined || bareList === undefined) throw new Error('no rounds');
  return [
    {
      ...{ name: 'list', title: `list of ${ROWS} of ${wanted} contacts, ${CONNECTIONS} connections, requests/s`, ours: list },
      comparisons: [compare(list, bareList, { figure: 'perSecond', is: 'least', value: 0.5 })],
    },
  ];
}

function contactsWanted(): number {
  const text = process.env['BENCH_CONTACTS'] || String(DEFAULT_CONTACTS);
  const wanted = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
  if (!(wanted >= 1 && wanted <= MOST_CONTACTS)) throw new Error(`BENCH_CONTACTS: a whole number up to ${MOST_CONTACTS}`);
  return wanted;
}

async function fillUp(superuserUrl: string, wanted: number): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await copyContacts(client, wanted);
    await client.query('VACUUM ANALYZE read.contacts');
  } finally {
    await client.end();
  }
}

/** Each person works on one connection only, as people do. */
function pages({ managers }: Company, request: (manager: Company['managers'][number]) => LoadRequest): LoadRequest[][] {
  return Array.from({ length: CONNECTIONS }, (_, connection) => {
    const own = managers.filter((_manager, index) => index % CONNECTIONS === connection);
    return Array.from({ length: REQUESTS_A_CONNECTION }, (_request, index) =>
      request(own[index % own.length] as (typeof own)[number]),
    );
  });
}
