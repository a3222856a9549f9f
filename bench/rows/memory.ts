import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { CompanyBuilder, contactBody, type Company } from '../company.js';
import type { LoadRequest } from '../load/http-load.js';
import { compare, type Bench, type Measurement } from '../measurement.js';
import type { SideResult } from '../rounds.js';
import { summarise } from '../statistics.js';
import { BenchSystem } from '../system.js';

/** Of load. quality.md says an hour: `BENCH_MINUTES=60`. */
const MINUTES = Number(process.env['BENCH_MINUTES'] || 3);
const TENTHS = 10;
/** With cards in the monitor's windows, beside those of the company. */
const PEOPLE = 10_000;
const PEOPLE_AT_ONCE = 500;
const MOST_MEGABYTES = 250;
/** Flat: at the end at most so many times what it was after a third of the time, when caches and compiled code are there. */
const MOST_GROWTH = 1.1;
const SETTLED_TENTH = 3;
const CARD_CONNECTIONS = 8;
const REQUESTS_A_CONNECTION = 250;
/** Milliseconds from one request to the next of each lane, unless the last takes longer. */
const LANES = { create: 50, lead: 50, list: 50, monitoring: 500 } as const;

type Sizes = ReadonlyMap<string, number>;

/**
 * Resident sizes of the services under load: cards without a pause, and contacts, leads, pages and the administrator's live view at a
 * steady rate, while ten thousand people open a card each in every tenth of the time. Not part of a run of all rows.
 */
export async function memory(bench: Bench): Promise<Measurement[]> {
  const system = await BenchSystem.prepare();
  bench.atTheEnd(() => system.stop());
  await system.start();
  const builder = new CompanyBuilder(system);
  await builder.signIn();
  const sizes: Sizes[] = [residentMegabytes(system)];
  const company = await builder.company((text) => bench.progress(`making ${text}`));
  const crowd = await Crowd.of(system);
  bench.atTheEnd(() => crowd.leave());
  const lanes = new Lanes(system, company, { formKey: await builder.form(), adminToken: await builder.adminToken() });
  try {
    for (let tenth = 1; tenth <= TENTHS; tenth += 1) {
      await Promise.all([openCards(bench, system, company, (MINUTES * 60) / TENTHS), crowd.open()]);
      sizes.push(residentMegabytes(system));
      bench.progress(
        `${tenth}/${TENTHS} ${[...(sizes.at(-1) ?? [])].map(([name, size]) => `${name} ${Math.round(size)}`).join(', ')} MB`,
      );
    }
  } finally {
    await lanes.stop();
  }
  console.log(`\nresident MB at the start and after each tenth of ${MINUTES} min`);
  for (const name of sizes[0]?.keys() ?? [])
    console.log(name.padEnd(18), sizes.map((of) => Math.round(of.get(name) ?? NaN)).join('  '));
  return [...(sizes[0]?.keys() ?? [])].map((name) => measurementOf(name, sizes));
}

function measurementOf(name: string, sizes: readonly Sizes[]): Measurement {
  const all = sizes.map((of) => of.get(name) ?? NaN);
  const end = megabytes('at the end', all.slice(-1));
  return {
    ...{ name: `memory-${name}`, title: `resident size of ${name} after ${MINUTES} min of load, MB`, ours: end },
    comparisons: [
      compare(end, megabytes('a limit', [MOST_MEGABYTES]), { figure: 'perSecond', is: 'most', value: 1 }),
      compare(end, megabytes('itself after three tenths', [all[SETTLED_TENTH] ?? NaN]), {
        ...{ figure: 'perSecond', is: 'most', value: MOST_GROWTH },
      }),
    ],
  };
}

/** Sizes in the place of rates; there are no times. */
function megabytes(name: string, values: readonly number[]): SideResult {
  const none = summarise([0]);
  return { name, rounds: [], perSecond: summarise(values), p50: none, p99: none };
}

/** By service (proc_pid_status(5)). A service that was started again meanwhile would not show: its number is that of the new one. */
function residentMegabytes(system: BenchSystem): Sizes {
  return new Map(
    system.services().map(({ service, pid }) => {
      const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return [service, Number(kilobytes) / 1024];
    }),
  );
}

async function openCards({ load }: Bench, system: BenchSystem, company: Company, seconds: number): Promise<void> {
  const requests = Array.from({ length: CARD_CONNECTIONS }, (_, connection) => {
    const own = company.managers.filter((_manager, index) => index % CARD_CONNECTIONS === connection);
    return Array.from({ length: REQUESTS_A_CONNECTION }, (_request, index): LoadRequest => {
      const { token, department } = own[index % own.length] as (typeof own)[number];
      const cards = company.contacts[department] as readonly string[];
      const id = cards[(connection * 31 + index * 37) % cards.length];
      return { method: 'GET', path: `/v1/contacts/${id}`, headers: { authorization: `Bearer ${token}` } };
    });
  });
  await load.run({ url: system.gatewayUrl, connections: CARD_CONNECTIONS, seconds, requests, expectedStatus: 200 });
}

/** What happens at a steady rate beside the cards, until `stop`, which rejects when anything failed. */
class Lanes {
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;
  #serial = 1_000_000;

  constructor(system: BenchSystem, { managers }: Company, own: { readonly formKey: string; readonly adminToken: string }) {
    const [manager = { token: '' }] = managers;
    const { gatewayUrl, ingestUrl } = system;
    const body = (): object => contactBody(++this.#serial);
    const lead = (): object => ({ name: 'Иван Петров', phone: `+7 917 ${String(++this.#serial).padStart(7, '0')}` });
    this.#running = Promise.all([
      this.#lane(LANES.create, () => asked(`${gatewayUrl}/v1/contacts`, manager.token, body())),
      this.#lane(LANES.lead, () => asked(`${ingestUrl}/v1/forms/${own.formKey}/leads`, undefined, lead())),
      this.#lane(LANES.list, () => asked(`${gatewayUrl}/v1/contacts`, manager.token)),
      this.#lane(LANES.monitoring, () => asked(`${gatewayUrl}/v1/monitoring/users?limit=200`, own.adminToken)),
    ]);
    this.#running.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #lane(everyMs: number, ask: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const since = performance.now();
      await ask();
      const left = everyMs - (performance.now() - since);
      if (left > 0) await sleep(left, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function asked(url: string, token: string | undefined, body?: object): Promise<void> {
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const sent = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await fetch(url, { ...sent, signal: AbortSignal.timeout(30_000) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}`);
}

/** People that nobody signs in as: they stand in the database, and each opens a card at the gate. */
class Crowd {
  private constructor(private readonly client: pg.Client) {}

  static async of(system: BenchSystem): Promise<Crowd> {
    const client = new pg.Client({ connectionString: system.connections.database.superuser });
    client.on('error', () => undefined);
    await client.connect();
    await client.query(
      `WITH people AS (SELECT uuidv7() AS id, n FROM generate_series(1, $1::int) AS n),
            named AS (INSERT INTO read.users (id, email, name, status, is_admin, created_at, updated_at, version)
                      SELECT id, 'crowd' || n || '@bench.test', 'Crowd ' || n, 'active', false, now(), now(), 1 FROM people)
       INSERT INTO read.principals (user_id, status, is_admin, role_ids, epoch, epoch_since, version)
       SELECT id, 'active', false, '{}', 1, now() - interval '1 day', 1 FROM people`,
      [PEOPLE],
    );
    await client.query(`CREATE TEMPORARY TABLE crowd AS SELECT id, row_number() OVER (ORDER BY id) AS n FROM read.users
      WHERE email LIKE 'crowd%@bench.test'`);
    return new Crowd(client);
  }

  /** Everybody opens a card; a transaction for some at a time, as each takes a lock. */
  async open(): Promise<void> {
    for (let from = 1; from <= PEOPLE; from += PEOPLE_AT_ONCE) {
      const { rows } = await this.client.query<{ admitted: number }>(
        `SELECT count(*) FILTER (WHERE gate.decision = 'admitted')::int AS admitted
         FROM crowd, LATERAL watch.admit(crowd.id, 'contact.opened', 'card', 'contact', ARRAY[gen_random_uuid()], uuidv7(),
           NULL, NULL, '192.0.2.1', true) AS gate
         WHERE crowd.n >= $1::int AND crowd.n < $1::int + $2::int`,
        [from, PEOPLE_AT_ONCE],
      );
      if (rows[0]?.admitted !== PEOPLE_AT_ONCE) throw new Error(`the gate admitted ${rows[0]?.admitted} of ${PEOPLE_AT_ONCE}`);
    }
  }

  leave(): Promise<void> {
    return this.client.end();
  }
}
