import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild, stopChild, type Child } from './servers/child.js';
import { signal } from './servers/processes.js';
import { Supervisor, type Managed, type RunEntry, type Supervised } from './supervisor.js';

let folder: string;
let supervisor: Supervisor;
const stopped: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'palisade-supervisor-'));
  supervisor = new Supervisor(folder, () => undefined);
  stopped.length = 0;
});
afterEach(async () => {
  await supervisor.stop();
  rmSync(folder, { recursive: true });
});

/** A real process that does nothing, or ends at once. */
function idle(service: Supervised, script = 'setInterval(() => undefined, 1000)'): Managed {
  let child: Child | undefined;
  return {
    ...{ service, instance: 0, port: 1 },
    start: async () => {
      child = await startChild({ command: process.execPath, args: ['-e', script], env: {}, logFile: join(folder, 'log') });
      return child;
    },
    stop: async () => {
      stopped.push(service);
      if (child !== undefined) await stopChild(child, 'SIGTERM', 1_000);
    },
    kill: () => child?.kill('SIGKILL'),
  };
}

const running = () => JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunEntry[];

async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(10)) {
    const found = look();
    if (found !== undefined) return found;
  }
  throw new Error('it did not happen within 10 s');
}

describe('Supervisor', () => {
  it('writes down what runs as soon as it can, where it could not at first', async () => {
    await supervisor.keep(idle('nats'));
    // The file that the list is written to before it takes its place: as on a full disk, it cannot be made.
    const draft = join(folder, `run.json.${process.pid}.tmp`);
    mkdirSync(draft);
    await supervisor.keep(idle('crm-core'));
    expect(running()).toHaveLength(1);
    rmdirSync(draft);
    await eventually(() => (running().length === 2 ? true : undefined));
  });

  it('starts again what was killed, and writes down what runs', async () => {
    await supervisor.keep(idle('crm-core'));
    await supervisor.keep(idle('nats'));
    const [core, nats] = running();
    expect(core).toEqual({ service: 'crm-core', instance: 0, pid: expect.any(Number), port: 1 });
    signal(core?.pid as number, 'SIGKILL');
    const next = await eventually(() => running().find(({ service, pid }) => service === 'crm-core' && pid !== core?.pid));
    expect(() => process.kill(next.pid, 0)).not.toThrow();
    expect(running()).toContainEqual(nats);
  });

  it('counts deaths in a row of what cannot run', async () => {
    await supervisor.keep(idle('activity-monitor', 'process.exit(3)'));
    await eventually(() => (supervisor.quickDeaths('activity-monitor', 0) >= 3 ? true : undefined));
  });

  it('stops the edge first and the database last, and starts nothing again', async () => {
    const order: Supervised[] = ['lead-ingest', 'access-gateway', 'activity-monitor', 'crm-core', 'nats', 'postgres'];
    for (const service of order.toReversed()) await supervisor.keep(idle(service));
    const pids = running().map(({ pid }) => pid);
    await supervisor.stop();
    expect(stopped).toEqual(order);
    expect(running()).toEqual([]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
