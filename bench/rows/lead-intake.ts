import { BenchProcess } from '../child-process.js';
import { CompanyBuilder } from '../company.js';
import type { LoadRequest } from '../load/http-load.js';
import { compare, CONNECTIONS, type Bench, type Measurement } from '../measurement.js';
import type { Side } from '../rounds.js';
import { BenchSystem } from '../system.js';

/** Sending to core pauses for two seconds at most, and then goes on for as long: both lie within a round, twice each. */
const SECONDS_A_ROUND = 8;
/** More than a connection gets answered in a round, so that each lead is another person's. */
const REQUESTS_A_CONNECTION = 2_500;

/**
 * Accepting leads, sealed and flushed to disk, beside one Fastify route with one flushed INSERT. In a system of its own: what a round
 * leaves would take core minutes, so the next one begins with it, as a rush that lasts does. While the floor has its turn our services
 * stand still, and it never pays for our work.
 */
export async function leadIntake(bench: Bench): Promise<Measurement[]> {
  const system = await BenchSystem.prepare();
  bench.atTheEnd(() => system.stop());
  await system.start();
  const builder = new CompanyBuilder(system);
  await builder.signIn();
  const floor = new BenchProcess('floors/lead-floor.js');
  bench.atTheEnd(() => floor.stop());
  const floorUrl = await floor.ask<string>('listen', { folder: system.dataDir }, 10_000);
  const ours = leads(bench, 'ours', system.ingestUrl, `/v1/forms/${await builder.form()}/leads`);
  const bare = leads(bench, 'Fastify, one SQLite INSERT', floorUrl, '/leads');
  const sides = [ours, { ...bare, run: (seconds: number) => system.whileServicesStand(() => bare.run(seconds)) }];
  const [taken, other] = await bench.measure(sides, { seconds: SECONDS_A_ROUND, leavesWork: true });
  if (taken === undefined || other === undefined) throw new Error('no rounds');
  await system.stop();
  const title = `take a lead, ${CONNECTIONS} connections, rounds of ${SECONDS_A_ROUND} s, accepted/s`;
  return [
    {
      ...{ name: 'intake', title, ours: taken, secondsARound: SECONDS_A_ROUND },
      comparisons: [compare(taken, other, { figure: 'perSecond', is: 'least', value: 0.5 })],
    },
  ];
}

function leads({ load }: Bench, name: string, url: string, path: string): Side {
  let serial = 0;
  const request = (): LoadRequest => {
    serial += 1;
    return { method: 'POST', path, headers: { 'content-type': 'application/json' }, body: JSON.stringify(leadBody(serial)) };
  };
  const requests = () =>
    Array.from({ length: CONNECTIONS }, () => Array.from({ length: REQUESTS_A_CONNECTION }, () => request()));
  return {
    name,
    run: (seconds) => load.run({ url, connections: CONNECTIONS, seconds, requests: requests(), expectedStatus: 202 }),
  };
}

function leadBody(serial: number): object {
  return {
    name: 'Иван Петров',
    phone: `8 (917) ${String(serial % 10_000_000).padStart(7, '0')}`,
    email: `lead${serial}@example.test`,
    company: 'ООО Ромашка',
    message: 'Здравствуйте! Сколько стоит доставка в Казань?',
    attribution: { utm_source: 'yandex', utm_campaign: 'autumn', landingPage: '/pricing', adCost: '120.50', yclid: `y${serial}` },
  };
}
