import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connections } from '../../../deploy/src/connections.js';
import { answersReady } from '../../../deploy/src/readiness.js';
import { logTail } from '../../../deploy/src/servers/child.js';
import { freePort } from '../../../deploy/src/servers/free-port.js';
import { signal } from '../../../deploy/src/servers/processes.js';
import type { RunEntry, Supervised } from '../../../deploy/src/supervisor.js';
import { effectsOf, refusedRequests } from './refusals.js';

export interface SystemOptions {
  readonly gateways?: number;
  readonly monitors?: number;
  readonly cores?: number;
  readonly ingests?: number;
  /** More environment for `npm start`. */
  readonly env?: Readonly<Record<string, string>>;
}

const ROOT = join(import.meta.dirname, '..', '..', '..');
const READY_WITHIN_MS = 90_000;
const STOPPED_WITHIN_MS = 40_000;

/**
 * The whole of Palisade as `npm start` runs it, with ports and a data directory of its own. Takes some seconds.
 * Throws, with what the start said and the ends of the logs, when it does not become ready.
 */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { gateways = 1, ingests = 1 } = options;
  const dataDir = mkdtempSync(join(tmpdir(), 'palisade-system-'));
  // PostgreSQL's user passes through when root runs the tests.
  chmodSync(dataDir, 0o711);
  const firstPort = await freePort(gateways + ingests);
  const admin = { email: 'admin@palisade.test', password: randomBytes(12).toString('base64url') };
  const env = {
    PALISADE_DATA_DIR: dataDir,
    PALISADE_GATEWAY_PORT: String(firstPort),
    PALISADE_INGEST_PORT: String(firstPort + gateways),
    PALISADE_GATEWAYS: String(gateways),
    PALISADE_INGESTS: String(ingests),
    PALISADE_MONITORS: String(options.monitors ?? 1),
    PALISADE_CORES: String(options.cores ?? 1),
    // Two suites at a time on two processors: what is slow there is no fault. `test/faults/database` has the limit as it is.
    PALISADE_DATABASE_ANSWER_MS: '5000',
    PALISADE_ADMIN_EMAIL: admin.email,
    PALISADE_ADMIN_PASSWORD: admin.password,
    ...options.env,
  };
  const ports = Array.from({ length: gateways + ingests }, (_, index) => `http://127.0.0.1:${firstPort + index}`);
  const system = new System(dataDir, env, ports.slice(0, gateways), ports.slice(gateways), admin);
  await system.start();
  return system;
}

/** A running installation, seen from outside. */
export class System {
  readonly #env: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;
  #output = '';

  constructor(
    readonly dataDir: string,
    env: Readonly<Record<string, string>>,
    readonly gatewayUrls: readonly string[],
    readonly ingestUrls: readonly string[],
    readonly admin: { readonly email: string; readonly password: string },
  ) {
    this.#env = env;
  }

  get gatewayUrl(): string {
    return this.gatewayUrls[0] as string;
  }

  get ingestUrl(): string {
    return this.ingestUrls[0] as string;
  }

  /** What `npm start` has printed so far. */
  get output(): string {
    return this.#output;
  }

  /** How to reach the servers as each user: `<data dir>/connections.json`. */
  get connections(): Connections {
    return JSON.parse(readFileSync(join(this.dataDir, 'connections.json'), 'utf8')) as Connections;
  }

  /** What runs now: `<data dir>/run.json`. */
  run(): RunEntry[] {
    return JSON.parse(readFileSync(join(this.dataDir, 'run.json'), 'utf8')) as RunEntry[];
  }

  /** Starts it, also after `halt`: with the same data and ports. */
  async start(): Promise<void> {
    const ambient = Object.entries(process.env).filter(([name]) => !name.startsWith('PALISADE_') && !name.startsWith('JEST_'));
    // Told that npm runs it, the start script stops when this process dies.
    const env = { ...Object.fromEntries(ambient), NODE_ENV: 'production', npm_lifecycle_event: 'start', ...this.#env };
    const child = spawn(process.execPath, [join(ROOT, 'deploy', 'start.mjs')], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.#output += chunk.toString('utf8')));
    for (const end = Date.now() + READY_WITHIN_MS; Date.now() < end && !hasEnded(child); await sleep(30)) {
      if (/^palisade ready$/m.test(this.#output)) return;
    }
    const report = `${this.#output}\n${this.logTails()}`;
    await this.stop();
    throw new Error(`the system did not become ready:\n${report}`);
  }

  /** kill -9 of one process; resolves when its successor is in `run.json` (which does not say that it is ready yet). */
  async kill(service: Supervised, instance = 0): Promise<void> {
    const before = this.#pidOf(service, instance);
    if (before === undefined) throw new Error(`${service}-${instance} does not run`);
    signal(before, 'SIGKILL');
    for (const end = Date.now() + 20_000; Date.now() < end; await sleep(20)) {
      const now = this.#pidOf(service, instance);
      if (now !== undefined && now !== before) return;
    }
    throw new Error(`${service}-${instance} was not started again:\n${this.#output}`);
  }

  /** Resolves when every gateway and ingest answers 200 on `/health/ready`. */
  async waitUntilReady(timeoutMs = 20_000): Promise<void> {
    const urls = [...this.gatewayUrls, ...this.ingestUrls].map((url) => `${url}/health/ready`);
    for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(30)) {
      if ((await Promise.all(urls.map(answersReady))).every(Boolean)) return;
    }
    throw new Error(`not ready again within ${timeoutMs} ms:\n${this.logTails()}`);
  }

  /**
   * SIGTERM, as by a service manager; the data stays. Throws when something is still running afterwards, when a part had ended by
   * itself, and when a request that was refused so far has left an event.
   */
  async halt(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    // Looked at before the servers go, told after they are gone: a failing test leaves nothing running.
    const refusals = await this.refusalsChangedNothing().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const crashes = this.#crashes();
    await this.#end(child);
    if (crashes !== undefined) throw new Error(crashes);
    if (refusals !== undefined) throw refusals.error;
  }

  /**
   * What the start script told of parts that ended by themselves, with the ends of the logs: with an exit code that is not 0, or by a
   * signal other than those the tests send. Nothing when none did.
   */
  #crashes(): string | undefined {
    const told = [...this.#output.matchAll(/^\S+-\d+ ended \((?!exit code 0\)|signal SIG(?:KILL|TERM)\)).*$/gm)];
    if (told.length === 0) return undefined;
    return `ended by itself:\n${told.map(([line]) => line).join('\n')}\n${this.logTails()}`;
  }

  /**
   * Throws when one of the requests refused so far (HttpClient remembers them) has left an event in the log. Every journey is judged
   * by it when its system stops.
   */
  async refusalsChangedNothing(): Promise<void> {
    const requestIds = refusedRequests([...this.gatewayUrls, ...this.ingestUrls]);
    if (requestIds.length === 0) return;
    const effects = await effectsOf(requestIds, this.connections.database.superuser);
    if (effects.length === 0) return;
    const lines = effects.map(({ requestId, type, stream }) => `${requestId}: ${type} in ${stream}`);
    throw new Error(`${effects.length} event(s) of requests that were refused:\n${lines.join('\n')}`);
  }

  async #end(child: ChildProcess): Promise<void> {
    if (!hasEnded(child)) {
      child.kill('SIGTERM');
      await Promise.race([
        new Promise((resolve) => child.once('exit', resolve)),
        sleep(STOPPED_WITHIN_MS, undefined, { ref: false }),
      ]);
    }
    this.#process = undefined;
    const left = existsSync(join(this.dataDir, 'run.json')) ? this.run() : [];
    for (const { pid, service } of left) signal(pid, service === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
    if (!hasEnded(child)) child.kill('SIGKILL');
    if (left.length > 0)
      throw new Error(`still running after SIGTERM: ${left.map(({ service }) => service).join(', ')}\n${this.#output}`);
  }

  /** Stops it and removes its data. */
  async stop(): Promise<void> {
    try {
      await this.halt();
    } finally {
      const cluster = join(this.dataDir, 'postgres');
      if (existsSync(cluster)) rmSync(realpathSync(cluster), { recursive: true, force: true });
      rmSync(this.dataDir, { recursive: true, force: true });
    }
  }

  /** The last lines of every log. */
  logTails(): string {
    const folder = join(this.dataDir, 'logs');
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.map((name) => `--- ${name}\n${logTail(join(folder, name), 12)}`).join('\n');
  }

  #pidOf(service: Supervised, instance: number): number | undefined {
    return this.run().find((entry) => entry.service === service && entry.instance === instance)?.pid;
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
