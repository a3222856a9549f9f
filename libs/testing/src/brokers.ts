import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { newSecrets, natsLogins, type NatsLogin } from '../../../deploy/src/connections.js';
import type { NatsUser } from '../../../deploy/src/nats-permissions.js';
import { findProgram } from '../../../deploy/src/servers/nats-binary.js';
import type { NatsServer } from '../../../deploy/src/servers/nats-server.js';
import { startBroker, testServers } from './test-run.js';

/** Where a broker is and how to sign in; each user's client must use the inbox prefix `_INBOX_<user>`. */
export interface BrokerAccess {
  readonly url: string;
  readonly users: Readonly<Record<NatsUser, NatsLogin>>;
}

/** A broker of one test: it may be stopped, killed and started again on the same port and with the same streams. */
export interface IsolatedBroker extends BrokerAccess {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** kill -9, as in an accident; `start` brings it back. */
  kill(): Promise<void>;
  /** Forgets all streams; the broker must be stopped. */
  wipe(): void;
  /** Stops and removes it. */
  remove(): Promise<void>;
}

/** The path of nats-server, which may lie outside of PATH. Throws when it is not installed; the run's set-up installs it. */
export function natsProgram(): string {
  const program = findProgram('nats-server');
  if (program === undefined) throw new Error('nats-server is not installed');
  return program;
}

/** A broker of one's own with the users and rights of a real start. Takes some 50 ms; the right one for tests with streams. */
export async function isolatedBroker(): Promise<IsolatedBroker> {
  const { folder, natsProgram } = testServers();
  const server = await startBroker(folder, natsProgram, natsLogins(newSecrets()));
  const store = dirname(server.marker);
  return {
    ...{ url: server.url, users: server.users },
    start: async () => void (await server.start()),
    stop: () => server.stop(),
    kill: () => kill(server),
    wipe: () => rmSync(`${store}/jetstream`, { recursive: true, force: true }),
    remove: async () => {
      await server.stop();
      rmSync(store, { recursive: true, force: true });
    },
  };
}

async function kill(server: NatsServer): Promise<void> {
  server.child?.kill('SIGKILL');
  await server.child?.ended;
}
