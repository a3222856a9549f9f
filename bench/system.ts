import { fork, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connections } from '../deploy/src/connections.js';
import { logTail } from '../deploy/src/servers/child.js';
import type { RunEntry } from '../deploy/src/supervisor.js';
import { freePort } from '../deploy/src/servers/free-port.js';

const START = join(import.meta.dirname, '..', 'deploy', 'src', 'start.js');
/** Of the source tree, seen from `dist/bench`. */
const ROOT = join(import.meta.dirname, '..', '..');
const READY_WITHIN_MS = 90_000;
const READY_LOOK_MS = 20;
const STOPPED_WITHIN_MS = 30_000;

/** Palisade as `npm start` runs it, one instance of each service but for the gateways, with ports and a data directory of its own. */
export class BenchSystem {
  readonly admin = { email: 'admin@bench.test', password: randomBytes(12).toString('base64url') };
  readonly dataDir: string;
  readonly gatewayUrls: readonly string[];
  readonly ingestUrl: string;
  readonly #firstPort: number;
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(port: number, gateways: number) {
    this.#firstPort = port;
    this.gatewayUrls = Array.from({ length: gateways }, (_, index) => `http://127.0.0.1:${port + index}`);
    this.ingestUrl = `http://127.0.0.1:${port + gateways}`;
    this.dataDir = mkdtempSync(join(tmpdir(), 'palisade-bench-'));
    // PostgreSQL's user passes through when root runs the bench.
    chmodSync(this.dataDir, 0o711);
  }

  /** Nothing runs yet. */
  static async prepare({ gateways = 1 } = {}): Promise<BenchSystem> {
    return new BenchSystem(await freePort(gateways + 1), gateways);
  }

  /** The first gateway. */
  get gatewayUrl(): string {
    return this.gatewayUrls[0] as string;
  }

  /** Throws when it does not become ready; `report` has what the start said. */
  async start(): Promise<void> {
    // The channel tells the start when this process is gone, and then it stops by itself. In a group of its own a Ctrl-C does not
    // reach it before the bench has decided.
    await this.#becomeReady(
      fork(START, { env: this.#environment(), execArgv: ['--enable-source-maps'], silent: true, detached: true }),
    );
  }

  /** The same as somebody types it, and how long that took, in milliseconds. Ended by `end`, as by a Ctrl-C. */
  async startByNpm(): Promise<number> {
    const begun = performance.now();
    await this.#becomeReady(
      spawn('npm', ['start'], { cwd: ROOT, env: this.#environment(), stdio: ['ignore', 'pipe', 'pipe'], detached: true }),
    );
    return performance.now() - begun;
  }

  #environment(): NodeJS.ProcessEnv {
    const ambient = Object.entries(process.env).filter(([name]) => !name.startsWith('PALISADE_'));
    return {
      ...Object.fromEntries(ambient),
      PALISADE_DATA_DIR: this.dataDir,
      PALISADE_GATEWAYS: String(this.gatewayUrls.length),
      PALISADE_GATEWAY_PORT: String(this.#firstPort),
      PALISADE_INGEST_PORT: String(this.#firstPort + this.gatewayUrls.length),
      PALISADE_ADMIN_EMAIL: this.admin.email,
      PALISADE_ADMIN_PASSWORD: this.admin.password,
      // Counted as always, and never reached: all leads come from one address.
      PALISADE_FORM_RATE: '100000000',
      PALISADE_FORM_TOTAL_RATE: '100000000',
    };
  }

  async #becomeReady(child: ChildProcess): Promise<void> {
    this.#process = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString('utf8')));
    for (const end = Date.now() + READY_WITHIN_MS; Date.now() < end && !hasEnded(child); await sleep(READY_LOOK_MS)) {
      if (/^palisade ready$/m.test(this.#output)) return;
    }
    throw new Error('the system did not become ready');
  }

  /** The start itself; everything that runs descends from it. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** What runs of the four services; the servers are not among it. */
  services(): readonly RunEntry[] {
    const entries = JSON.parse(readFileSync(join(this.dataDir, 'run.json'), 'utf8')) as RunEntry[];
    return entries.filter(({ service }) => service !== 'nats' && service !== 'postgres');
  }

  /** Does something while the four services stand still (SIGSTOP): nothing of ours is at work but the servers. */
  async whileServicesStand<Result>(work: () => Promise<Result>): Promise<Result> {
    const running = this.services();
    const tell = (signal: 'SIGSTOP' | 'SIGCONT'): void => running.forEach(({ pid }) => process.kill(pid, signal));
    tell('SIGSTOP');
    try {
      return await work();
    } finally {
      tell('SIGCONT');
    }
  }

  get connections(): Connections {
    return JSON.parse(readFileSync(join(this.dataDir, 'connections.json'), 'utf8')) as Connections;
  }

  /** What explains a failure: the ends of what the start said and of the logs, which are removed with the data. */
  report(): string {
    const folder = join(this.dataDir, 'logs');
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.log')) : [];
    const tails = names.map((name) => `--- ${name}\n${logTail(join(folder, name), 8)}`);
    return [this.#output.trim().split('\n').slice(-8).join('\n'), ...tails].join('\n');
  }

  /** Ends what `startByNpm` started: npm, its shell, the start and the services. The data stay. */
  async end(): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined || hasEnded(child)) return;
    // Closed once nobody can write there any more: the start has ended too.
    const closed = new Promise((resolve) => child.once('close', resolve));
    process.kill(-child.pid, 'SIGTERM');
    await Promise.race([closed, sleep(STOPPED_WITHIN_MS, undefined, { ref: false })]);
    if (!hasEnded(child)) throw new Error('npm start did not end');
  }

  /** Stops everything and removes the data. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && !hasEnded(child)) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await Promise.race([ended, sleep(STOPPED_WITHIN_MS, undefined, { ref: false })]);
      // A second signal to the start ends everything at once.
      if (!hasEnded(child)) child.kill('SIGTERM');
      await Promise.race([ended, sleep(5_000, undefined, { ref: false })]);
    }
    const cluster = join(this.dataDir, 'postgres');
    if (existsSync(cluster)) rmSync(realpathSync(cluster), { recursive: true, force: true });
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
