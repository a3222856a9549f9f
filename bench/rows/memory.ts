import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CompanyBuilder, contactBody, type Company } from '../company.js';
import { Crowd } from '../crowd.js';
import { compare, type Bench, type Measurement } from '../measurement.js';
import type { SideResult } from '../rounds.js';
import { summarise } from '../statistics.js';
import { BenchSystem } from '../system.js';

/** Of load. quality.md says an hour: `BENCH_MINUTES=60`. */
const MINUTES = Number(process.env['BENCH_MINUTES'] || 3);
const TENTHS = 10;
const MOST_MEGABYTES = 250;
/** Flat: at the end at most so many times what it was after a third of the time, when caches and compiled code are there. */
const MOST_GROWTH = 1.1;
const SETTLED_TENTH = 3;
const CARD_CONNECTIONS = 8;
/** Milliseconds from one request to the next of each lane, unless the last takes longer. */
const LANES = { create: 50, lead: 50, list: 50, monitoring: 2_000 } as const;

type Sizes = ReadonlyMap<string, number>;

/**
 * Resident sizes of the services under load: cards without a pause, and contacts, leads, pages and the administrator's live view at a
 * steady rate, while ten thousand people open a card each in every tenth of the time and the monitor counts each in his windows. What is
 * held against the limit is the most that the kernel ever saw, the start of the service and the making of the company included. Not
 * part of a run of all rows.
 */
export async function memory(bench: Bench): Promise<Measurement[]> {
  const system = await BenchSystem.prepare();
  bench.atTheEnd(() => system.stop());
  await system.start();
  const builder = new CompanyBuilder(system);
  await builder.signIn();
  const sizes: Sizes[] = [megabytesOf(system, 'VmRSS')];
  const company = await builder.company((text) => bench.progress(`making ${text}`));
  const crowd = await Crowd.of(system);
  bench.atTheEnd(() => crowd.leave());
  const lanes = new Lanes(system, company, { formKey: await builder.form(), adminToken: await builder.adminToken() });
  try {
    for (let tenth = 1; tenth <= TENTHS; tenth += 1) {
      await Promise.all([sleep((MINUTES * 60_000) / TENTHS), crowd.open()]);
      sizes.push(megabytesOf(system, 'VmRSS'));
      bench.progress(
        `${tenth}/${TENTHS} ${[...(sizes.at(-1) ?? [])].map(([name, size]) => `${name} ${Math.round(size)}`).join(', ')} MB`,
      );
    }
    await crowd.untilInWindows();
  } finally {
    await lanes.stop();
  }
  const most = megabytesOf(system, 'VmHWM');
  console.log(`\n${lanes.served} requests served, ${lanes.refused} refused for a time`);
  console.log(`resident MB at the start and after each tenth of ${MINUTES} min; at most`);
  for (const [name, peak] of most)
    console.log(name.padEnd(18), sizes.map((of) => Math.round(of.get(name) ?? NaN)).join('  '), ` ${Math.round(peak)}`);
  return [...most].flatMap(([name, peak]) => {
    const after = (tenth: number): number => sizes[tenth]?.get(name) ?? NaN;
    return measurementsOf(name, peak, after(SETTLED_TENTH), after(TENTHS));
  });
}

function measurementsOf(name: string, peak: number, settled: number, end: number): Measurement[] {
  const [most, atEnd] = [megabytes('at most', peak), megabytes('at the end', end)];
  return [
    {
      ...{ name: `memory-${name}`, title: `memory of ${name}, most in ${MINUTES} min, MB`, ours: most },
      comparisons: [compare(most, megabytes('a limit', MOST_MEGABYTES), { figure: 'perSecond', is: 'most', value: 1 })],
    },
    {
      ...{ name: `memory-${name}-flat`, title: `memory of ${name} at the end, MB`, ours: atEnd },
      comparisons: [compare(atEnd, megabytes('after 3/10', settled), { figure: 'perSecond', is: 'most', value: MOST_GROWTH })],
    },
  ];
}

/** Sizes in the place of rates; there are no times. */
function megabytes(name: string, value: number): SideResult {
  const none = summarise([0]);
  return { name, rounds: [], perSecond: summarise([value]), p50: none, p99: none };
}

/**
 * By service (proc_pid_status(5)): resident now (VmRSS) or at most since its start (VmHWM). A service that was started again meanwhile
 * would not show: its number is that of the new one.
 */
function megabytesOf(system: BenchSystem, field: 'VmRSS' | 'VmHWM'): Sizes {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm');
  return new Map(
    system.services().map(({ service, pid }) => {
      return [service, Number(line.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024];
    }),
  );
}

/**
 * What clients do, until `stop`, which rejects when an answer was an error. A refusal for a time (503) is none: memory is measured here,
 * and a machine that has too much to do refuses.
 */
class Lanes {
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;
  #serial = 1_000_000;
  served = 0;
  refused = 0;

  constructor(
    system: BenchSystem,
    { managers, contacts }: Company,
    own: { readonly formKey: string; readonly adminToken: string },
  ) {
    const { gatewayUrl, ingestUrl } = system;
    const manager = (): Company['managers'][number] => managers[++this.#serial % managers.length] as Company['managers'][number];
    const card = (): Promise<void> => {
      const { token, department } = manager();
      const cards = contacts[department] as readonly string[];
      return this.#ask(`${gatewayUrl}/v1/contacts/${cards[this.#serial % cards.length]}`, token);
    };
    const lead = (): object => ({ name: 'Иван Петров', phone: `+7 917 ${String(++this.#serial).padStart(7, '0')}` });
    this.#running = Promise.all([
      ...Array.from({ length: CARD_CONNECTIONS }, () => this.#lane(0, card)),
      this.#lane(LANES.create, () => this.#ask(`${gatewayUrl}/v1/contacts`, manager().token, contactBody(++this.#serial))),
      this.#lane(LANES.lead, () => this.#ask(`${ingestUrl}/v1/forms/${own.formKey}/leads`, undefined, lead())),
      this.#lane(LANES.list, () => this.#ask(`${gatewayUrl}/v1/contacts`, manager().token)),
      this.#lane(LANES.monitoring, () => this.#ask(`${gatewayUrl}/v1/monitoring/users`, own.adminToken)),
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

  async #ask(url: string, token: string | undefined, body?: object): Promise<void> {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sent = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
    const response = await fetch(url, { ...sent, signal: AbortSignal.timeout(30_000) });
    await response.body?.cancel();
    if (response.ok) this.served += 1;
    else if (response.status === 503) this.refused += 1;
    else throw new Error(`${new URL(url).pathname} answered ${response.status}`);
  }
}
