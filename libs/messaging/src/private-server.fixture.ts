import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError, Secret } from '#kernel';
import { freePort, natsProgram } from '#testing';
import { startBroker, type Broker, type BrokerLog } from './broker.js';
import { consumeFacts, type ConsumeOptions, type Consumption } from './consume.js';

/** A nats-server of a spec's own, on a port that stays the same over restarts. */
export class PrivateServer {
  #process: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    readonly port: number,
  ) {}

  static async create(): Promise<PrivateServer> {
    const folder = await mkdtemp(join(tmpdir(), 'palisade-messaging-'));
    const server = new PrivateServer(folder, await freePort());
    const users = `[{ user: core, password: "p", permissions: { publish: ">", subscribe: [">"] } }]`;
    const config = `listen: "127.0.0.1:${server.port}"\njetstream { store_dir: "${folder}/js" }\nauthorization { users: ${users} }\n`;
    await writeFile(join(folder, 'server.conf'), config);
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.#process = spawn(natsProgram(), ['-c', join(this.folder, 'server.conf')], { stdio: 'ignore' });
    await sleep(100);
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, 'exit');
    running.kill(signal);
    await exited;
  }

  /** Loses everything that the streams held. */
  async wipe(): Promise<void> {
    await rm(join(this.folder, 'js'), { recursive: true, force: true });
  }

  /** What a stream holds on the disk now, to be put back by `loseSince`. Only while the server is stopped. */
  async keep(stream: string): Promise<void> {
    await cp(this.#messages(stream), join(this.folder, stream), { recursive: true });
  }

  /** The messages of a stream as they were kept, beside consumers as they are now: a tail that did not reach the disk. */
  async loseSince(stream: string): Promise<void> {
    await rm(this.#messages(stream), { recursive: true, force: true });
    await cp(join(this.folder, stream), this.#messages(stream), { recursive: true });
  }

  /** True when any file of its streams holds the text. */
  async stores(text: string): Promise<boolean> {
    const files = await readdir(join(this.folder, 'js'), { recursive: true, withFileTypes: true });
    const contents = files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name)));
    return (await Promise.all(contents)).some((content) => content.includes(text));
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  #messages(stream: string): string {
    return join(this.folder, 'js', 'jetstream', '$G', 'streams', stream, 'msgs');
  }

  broker(log?: BrokerLog): Broker {
    const named = { url: this.url, user: 'core', password: new Secret('p'), name: 'spec' };
    return startBroker(log === undefined ? named : { ...named, log });
  }
}

/** A consumer of a spec: `dependency-unavailable` is what it throws for an outage. */
export function consume(options: Omit<ConsumeOptions, 'isOutage'>): Consumption {
  const isOutage = (error: unknown): boolean => error instanceof DomainError && error.code === 'dependency-unavailable';
  return consumeFacts({ isOutage, ...options });
}
