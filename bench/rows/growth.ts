import pg from 'pg';
import { growCompany } from '../company-copies.js';
import { CompanyBuilder, contactBody, type Company } from '../company.js';
import type { LoadRequest } from '../load/http-load.js';
import { compare, CONNECTIONS, type Bench, type Measurement } from '../measurement.js';
import type { Side } from '../rounds.js';
import { BenchSystem } from '../system.js';

/** The goal's number of contacts; fewer with `BENCH_GROWN`. Five events of each contact. */
const GROWN = Number(process.env['BENCH_GROWN'] || 1_000_000);
const SMALL = 10_000;
const EVENTS_OF_ONE = 5;
const MOST_TIMES = 1.3;
const REQUESTS_A_CONNECTION = 250;
/** Numbers of the company's own contacts that are looked up; as many again belong to nobody. */
const KNOWN_NUMBERS = 2_000;

/** What is asked for in one company, by what it shows. */
type Requests = Readonly<Record<'card' | 'list' | 'lookup', LoadRequest[][]>>;
interface Installation {
  readonly name: string;
  readonly system: BenchSystem;
  readonly requests: Requests;
}

const TITLES: Readonly<Record<keyof Requests, string>> = {
  card: 'open a card',
  list: 'first page of a list',
  lookup: 'look up a whole number',
};

/**
 * The same company in two installations, one with 10,000 contacts and one grown to a million: cards of all of them opened, first pages,
 * lookups of whole numbers. Not part of a run of all rows: growing takes minutes.
 */
export async function growth(bench: Bench): Promise<Measurement[]> {
  const sides = [await installation(bench, GROWN), await installation(bench, SMALL)];
  const measurements: Measurement[] = [];
  for (const what of ['card', 'list', 'lookup'] as const) {
    const rounds = sides.map((side, index) => roundsOf(bench, side, sides[1 - index] as Installation, what));
    const [grown, small] = await bench.measure(rounds, { leavesWork: true });
    if (grown === undefined || small === undefined) throw new Error('no rounds');
    bench.progress(`${what}: p50 ${grown.p50.median} ms against ${small.p50.median} ms`);
    measurements.push({
      ...{ name: `growth-${what}`, title: `${TITLES[what]}, ${GROWN.toLocaleString('en')} contacts, p50 in ms`, ours: grown },
      comparisons: [compare(grown, small, { figure: 'p50', is: 'most', value: MOST_TIMES })],
    });
  }
  return measurements;
}

/** While one has its turn the other's services stand still; what a round leaves is carried into the same one's next. */
function roundsOf({ load }: Bench, own: Installation, other: Installation, what: keyof Requests): Side {
  const asked = { url: own.system.gatewayUrl, connections: CONNECTIONS, requests: own.requests[what], expectedStatus: 200 };
  return { name: own.name, run: (seconds) => other.system.whileServicesStand(() => load.run({ ...asked, seconds })) };
}

async function installation(bench: Bench, contacts: number): Promise<Installation> {
  const system = await BenchSystem.prepare();
  bench.atTheEnd(() => system.stop());
  await system.start();
  const builder = new CompanyBuilder(system);
  await builder.signIn();
  const company = await builder.company((text) => bench.progress(`making ${text}`));
  const client = new pg.Client({ connectionString: system.connections.database.superuser });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // Else they would look through the log again and again while it has no indexes.
    await system.whileServicesStand(() => growCompany(client, { contacts, events: EVENTS_OF_ONE * contacts }, bench.progress));
    const requests = { card: await cards(client, company), list: lists(company), lookup: lookups(company) };
    return { name: `${contacts.toLocaleString('en')} contacts`, system, requests };
  } finally {
    await client.end();
  }
}

/** Each person works on one connection only, as people do. */
function byConnection(
  { managers }: Company,
  request: (manager: Company['managers'][number], serial: number) => Omit<LoadRequest, 'headers'>,
): LoadRequest[][] {
  return Array.from({ length: CONNECTIONS }, (_, connection) => {
    const own = managers.filter((_manager, index) => index % CONNECTIONS === connection);
    return Array.from({ length: REQUESTS_A_CONNECTION }, (_request, index): LoadRequest => {
      const manager = own[index % own.length] as (typeof own)[number];
      const { method, path, body } = request(manager, connection * REQUESTS_A_CONNECTION + index);
      const headers = { authorization: `Bearer ${manager.token}` };
      return body === undefined
        ? { method, path, headers }
        : { method, path, body, headers: { ...headers, 'content-type': 'application/json' } };
    });
  });
}

/** Cards from all over the table, as they come by a hash of their ids, each by somebody whose department has it. */
async function cards(client: pg.Client, company: Company): Promise<LoadRequest[][]> {
  const { rows } = await client.query<{ id: string; department_id: string }>(
    `SELECT c.id, p.department_id FROM read.contacts AS c JOIN read.principals AS p ON p.user_id = c.responsible_id
     ORDER BY md5(c.id::text) LIMIT $1`,
    [2 * CONNECTIONS * REQUESTS_A_CONNECTION],
  );
  const of = company.departmentIds.map((department) => rows.filter((row) => row.department_id === department));
  return byConnection(company, ({ department }, serial) => {
    const own = of[department] ?? [];
    return { method: 'GET', path: `/v1/contacts/${own[serial % own.length]?.id}` };
  });
}

function lists(company: Company): LoadRequest[][] {
  return byConnection(company, () => ({ method: 'GET', path: '/v1/contacts?limit=50' }));
}

/** In turn the number of somebody and one of nobody's. */
function lookups(company: Company): LoadRequest[][] {
  return byConnection(company, (_manager, serial) => {
    const { phones } = contactBody(serial % 2 === 0 ? serial % KNOWN_NUMBERS : 5_000_000 + serial);
    return { method: 'POST', path: '/v1/lookups/phone', body: JSON.stringify({ number: phones[0]?.number }) };
  });
}
