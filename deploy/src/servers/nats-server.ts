import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeAtomically } from '../atomic-file.js';
import type { NatsLogin } from '../connections.js';
import type { NatsUser } from '../nats-permissions.js';
import { logTail, startChild, stopChild, type Child } from './child.js';
import { natsConfig } from './nats-config.js';

export interface NatsOptions {
  /** Path of the program. */
  readonly program: string;
  /** Holds the configuration and JetStream's files. */
  readonly folder: string;
  readonly port: number;
  readonly users: Readonly<Record<NatsUser, NatsLogin>>;
  readonly logFile: string;
  readonly detached: boolean;
}

/** JetStream reads its files back before the server listens. */
const READY_WITHIN_MS = 30_000;

/** A private nats-server with the users and rights of the permission table. */
export class NatsServer {
  readonly #options: NatsOptions;
  #child: Child | undefined;

  constructor(options: NatsOptions) {
    this.#options = options;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#options.port}`;
  }

  get port(): number {
    return this.#options.port;
  }

  get users(): Readonly<Record<NatsUser, NatsLogin>> {
    return this.#options.users;
  }

  /** What stands in the command line of this server and of no other. */
  get marker(): string {
    return join(this.#options.folder, 'nats.conf');
  }

  /** The running server; undefined before the first start. */
  get child(): Child | undefined {
    return this.#child;
  }

  /** Starts the server and resolves when it listens. Throws, with the end of the log, when it ends or does not listen in time. */
  async start(): Promise<Child> {
    const { folder, port, users, logFile, detached, program } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const wanted = natsConfig({ port, storeFolder: folder, users });
    // What stands there already needs no room on a disk that is full.
    if (!existsSync(this.marker) || readFileSync(this.marker, 'utf8') !== wanted) writeAtomically(this.marker, wanted, 0o600);
    const env = { PATH: '/usr/bin:/bin', TZ: 'UTC' };
    const child = await startChild({ command: program, args: ['-c', this.marker], env, logFile, detached });
    this.#child = child;
    for (const end = Date.now() + READY_WITHIN_MS; !child.hasEnded() && Date.now() < end;) {
      if (await listens(port)) return child;
      await Promise.race([sleep(15), child.ended]);
    }
    await stopChild(child, 'SIGTERM', 2_000);
    throw new Error(`nats-server did not start; the end of ${logFile}:\n${logTail(logFile)}`);
  }

  /** Ends the server; what it acknowledged is with the operating system already. */
  async stop(): Promise<void> {
    if (this.#child !== undefined) await stopChild(this.#child, 'SIGTERM', 5_000);
  }
}

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.setTimeout(1_000, () => answer(false));
  });
}
