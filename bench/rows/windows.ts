import { join } from 'node:path';
import { natsLogins, newSecrets } from '../../deploy/src/connections.js';
import { freePort } from '../../deploy/src/servers/free-port.js';
import { findNatsServer } from '../../deploy/src/servers/nats-binary.js';
import { NatsServer } from '../../deploy/src/servers/nats-server.js';
import { BenchProcess } from '../child-process.js';
import { compare, type Bench, type Measurement } from '../measurement.js';
import type { Round, Side } from '../rounds.js';
import { watchDatabase } from '../watch-database.js';

const PEOPLE = 1_000;
/** Of one round; a few seconds' work. */
const EVENTS = 20_000;
const WITHIN_MS = 60_000;

/**
 * Views of cards folded and committed by one monitor, into windows, ledger and checkpoints, beside reading the same messages with one
 * INSERT a batch. Broker and database of its own, so that the system's monitor has no part in it.
 */
export async function windows(bench: Bench): Promise<Measurement[]> {
  const users = natsLogins(newSecrets());
  const folder = join(bench.system.dataDir, 'bench-nats');
  const program = await findNatsServer(bench.progress);
  const server = new NatsServer({
    ...{ program, folder, port: await freePort(), users, logFile: join(bench.system.dataDir, 'bench-nats.log'), detached: false },
  });
  bench.atTheEnd(() => server.stop());
  await server.start();
  const { urls, people } = await watchDatabase(bench.system, 'bench_windows', PEOPLE, 1_000_000);
  const made = new BenchProcess('floors/window-folder.js');
  bench.atTheEnd(() => made.stop());
  const reach = { natsUrl: server.url, users, monitorUrl: urls.monitor, superuserUrl: urls.superuser, people };
  await made.ask('open', reach, WITHIN_MS);
  const side = (name: string, ask: string): Side => ({ name, run: () => made.ask<Round>(ask, { events: EVENTS }, WITHIN_MS) });
  const [ours, other] = await bench.measure([side('ours', 'fold'), side('JetStream, one INSERT a batch', 'consume')], {
    wholeRuns: true,
  });
  if (ours === undefined || other === undefined) throw new Error('no rounds');
  return [
    {
      ...{ name: 'windows', title: `card.viewed folded by one monitor, ${EVENTS.toLocaleString('en')} a round, events/s`, ours },
      comparisons: [compare(ours, other, { figure: 'perSecond', is: 'least', value: 0.5 })],
    },
  ];
}
