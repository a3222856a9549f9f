import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSecrets, type NatsLogin } from '../../../deploy/src/connections.js';
import { setUpDatabase, type RolePasswords } from '../../../deploy/src/database-roles.js';
import type { NatsUser } from '../../../deploy/src/nats-permissions.js';
import { freePort } from '../../../deploy/src/servers/free-port.js';
import { findNatsServer } from '../../../deploy/src/servers/nats-binary.js';
import { NatsServer } from '../../../deploy/src/servers/nats-server.js';
import { PostgresServer, stopLeftOverPostgres } from '../../../deploy/src/servers/postgres-server.js';
import { commandOf, stopStray } from '../../../deploy/src/servers/processes.js';

/** What the set-up started, for the processes that run the tests. */
export interface TestServers {
  readonly folder: string;
  /** Of the maintenance database. */
  readonly superuserUrl: string;
  readonly rolePasswords: RolePasswords;
  readonly natsProgram: string;
}

const VARIABLE = 'PALISADE_TEST_RUN';
const PREFIX = 'palisade-test-';

/**
 * Nothing here outlives the run and no test cuts the power, so the disk is not waited for. A kill -9 loses nothing this way.
 */
const TEST_SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '128MB',
  max_connections: '300',
  max_wal_size: '4GB',
};

/** Starts the servers of a run and tells the tests by the environment. Gives back what stops and removes them. */
export async function startTestRun(): Promise<() => Promise<void>> {
  await removeAbandonedRuns();
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // PostgreSQL's user passes through when root runs the tests.
  chmodSync(folder, 0o711);
  writeFileSync(join(folder, 'owner'), String(process.pid));
  const secrets = newSecrets();
  const natsProgram = await findNatsServer((line) => process.stdout.write(`${line}\n`));
  const postgres = await PostgresServer.prepare({
    ...{ folder: join(folder, 'postgres'), port: await freePort(), superuserPassword: secrets.superuser },
    ...{ logFile: join(folder, 'postgres.log'), detached: false, settings: TEST_SETTINGS },
  });
  const kill = (): void => void postgres.child?.kill('SIGQUIT');
  process.once('exit', kill);
  await postgres.start();
  await setUpDatabase(postgres.url, secrets.roles);
  const servers: TestServers = { folder, superuserUrl: postgres.url, rolePasswords: secrets.roles, natsProgram };
  const file = join(folder, 'servers.json');
  writeFileSync(file, JSON.stringify(servers), { mode: 0o600 });
  process.env[VARIABLE] = file;
  return async () => {
    process.off('exit', kill);
    await postgres.stop();
    postgres.remove();
    rmSync(folder, { recursive: true, force: true });
  };
}

/** The servers of this run. Throws outside the projects `int` and `journeys`, which start them. */
export function testServers(): TestServers {
  const file = process.env[VARIABLE];
  if (file === undefined) throw new Error('no servers in this run: name the file *.int.spec.ts or *.e2e.spec.ts');
  return JSON.parse(readFileSync(file, 'utf8')) as TestServers;
}

/** A private nats-server in a folder of its own below the run's. */
export async function startBroker(
  runFolder: string,
  program: string,
  users: Readonly<Record<NatsUser, NatsLogin>>,
): Promise<NatsServer> {
  mkdirSync(join(runFolder, 'brokers'), { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(runFolder, 'brokers', 'broker-'));
  const server = new NatsServer({
    ...{ program, folder, port: await freePort(), users },
    ...{ logFile: join(folder, 'nats.log'), detached: false },
  });
  const { pid } = await server.start();
  writeFileSync(join(folder, 'pid'), String(pid));
  return server;
}

/** What runs that were killed left behind: their servers and folders. */
async function removeAbandonedRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name);
    const owner = join(folder, 'owner');
    if (!existsSync(owner) || commandOf(Number(readFileSync(owner, 'utf8'))) !== undefined) continue;
    await stopLeftOverPostgres(join(folder, 'postgres'));
    const brokers = join(folder, 'brokers');
    for (const broker of existsSync(brokers) ? readdirSync(brokers) : []) {
      const pid = join(brokers, broker, 'pid');
      if (existsSync(pid))
        await stopStray(Number(readFileSync(pid, 'utf8')), join(brokers, broker, 'nats.conf'), 'SIGTERM', 2_000);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}
