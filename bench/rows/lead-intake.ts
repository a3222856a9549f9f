import { BenchProcess } from '../child-process.js';
import type { LoadRequest } from '../load/http-load.js';
import { compare, CONNECTIONS, type Bench, type Measurement } from '../measurement.js';
import type { Side } from '../rounds.js';

/** More than a connection gets answered in a round, so that each lead is another person's. */
const REQUESTS_A_CONNECTION = 400;
/** A round is worked off at the rate of core, less than a tenth of that of the door. */
const SETTLED_WITHIN_MS = 100_000;

/** Accepting leads, sealed and flushed to disk, beside one Fastify route with one flushed INSERT. */
export async function leadIntake(bench: Bench): Promise<Measurement[]> {
  const floor = new BenchProcess('floors/lead-floor.js');
  bench.atTheEnd(() => floor.stop());
  const floorUrl = await floor.ask<string>('listen', { folder: bench.system.dataDir }, 10_000);
  const key = await bench.builder.form();
  const sides = [
    leads(bench, 'ours', bench.system.ingestUrl, `/v1/forms/${key}/leads`),
    leads(bench, 'Fastify, one SQLite INSERT', floorUrl, '/leads'),
  ];
  const [ours, other] = await bench.measure(sides, { settledWithinMs: SETTLED_WITHIN_MS, isDone: () => isWorkedOff(bench) });
  if (ours === undefined || other === undefined) throw new Error('no rounds');
  return [
    {
      ...{ name: 'intake', title: `take a lead, ${CONNECTIONS} connections, accepted/s`, ours },
      comparisons: [compare(ours, other, { figure: 'perSecond', is: 'least', value: 0.5 })],
    },
  ];
}

/** Whether core has every lead that ingest took. */
async function isWorkedOff({ system }: Bench): Promise<boolean> {
  const metrics = await (await fetch(`${system.ingestUrl}/metrics`)).text();
  return /^palisade_ingest_leads_waiting 0$/m.test(metrics);
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
