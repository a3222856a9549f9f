import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from './atomic-file.js';
import { isPortFree, freePort } from './servers/free-port.js';
import { stopLeftOverPostgres } from './servers/postgres-server.js';
import { isRunning, stopStray } from './servers/processes.js';
import { instanceName } from './services.js';
import type { RunEntry } from './supervisor.js';

/** Stands in the command line of every start. */
const START_MARKER = 'deploy/src/start.js';

/**
 * Makes the folders of an installation. Others may pass through the top one, because PostgreSQL runs as another user when
 * the start is root's; what is secret has its own rights.
 */
export function makeFolders(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  for (const folder of ['logs', 'keys', 'gateway-keys', 'heads', 'spool', 'nats'])
    mkdirSync(join(dataDir, folder), { recursive: true, mode: 0o700 });
}

/** Takes the folder for this start, and gives back what releases it. Throws when another start is at work on it. */
export function lock(dataDir: string): () => void {
  const file = join(dataDir, 'start.lock');
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o644 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(readFileSync(file, 'utf8'));
    if (holder !== process.pid && isRunning(holder, START_MARKER)) {
      throw new Error(
        `${dataDir} is in use by the start with process id ${holder}; stop that one, or set PALISADE_DATA_DIR and the ports`,
      );
    }
    rmSync(file, { force: true });
  }
}

/** Stops what a start that was killed left running here: only processes it wrote down, and only if they still are what it wrote. */
export async function stopLeftOvers(dataDir: string): Promise<void> {
  const stray = readRunFile(dataDir).filter(({ service }) => service !== 'postgres');
  const services = stray.filter(({ service }) => service !== 'nats');
  await Promise.all(
    services.map(({ service, instance, pid }) =>
      stopStray(pid, `${instanceName(service, instance)}@${dataDir}`, 'SIGTERM', 5_000),
    ),
  );
  await Promise.all(
    stray
      .filter(({ service }) => service === 'nats')
      .map(({ pid }) => stopStray(pid, join(dataDir, 'nats', 'nats.conf'), 'SIGTERM', 5_000)),
  );
  await stopLeftOverPostgres(join(dataDir, 'postgres'));
}

/** What runs, or ran last. */
function readRunFile(dataDir: string): RunEntry[] {
  const file = join(dataDir, 'run.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunEntry[]) : [];
}

/** A port for each name: the one of the last start when it is free, so that addresses noted down stay right. */
export async function keepPorts<Name extends string>(dataDir: string, names: readonly Name[]): Promise<Record<Name, number>> {
  const file = join(dataDir, 'ports.json');
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>) : {};
  const ports: Record<string, number> = {};
  for (const name of names) {
    const last = before[name];
    ports[name] = last !== undefined && (await isPortFree(last)) ? last : await unusedPort(Object.values(ports));
  }
  writeAtomically(file, JSON.stringify({ ...before, ...ports }, null, 2), 0o644);
  return ports as Record<Name, number>;
}

async function unusedPort(taken: readonly number[]): Promise<number> {
  const port = await freePort();
  return taken.includes(port) ? unusedPort(taken) : port;
}
