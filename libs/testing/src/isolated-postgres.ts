import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../deploy/src/servers/free-port.js';
import { PostgresServer } from '../../../deploy/src/servers/postgres-server.js';

/** A PostgreSQL of a spec's own, which it may stop and start again; the port stays the same. */
export interface IsolatedPostgres {
  /** A superuser's URL. */
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and removes all that it had. */
  remove(): Promise<void>;
}

/** Starts one, as `npm start` does, also below a folder that PostgreSQL's user cannot enter. Takes some two seconds. */
export async function isolatedPostgres(): Promise<IsolatedPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-postgres-'));
  chmodSync(folder, 0o711);
  const server = await PostgresServer.prepare({
    ...{ folder: join(folder, 'data'), port: await freePort(), superuserPassword: 'spec', logFile: join(folder, 'postgres.log') },
    ...{ detached: false, settings: { fsync: 'off', shared_buffers: '32MB', max_connections: '40' } },
  });
  await server.start();
  return {
    url: server.url,
    start: async () => void (await server.start()),
    stop: () => server.stop(),
    remove: async () => {
      await server.stop();
      server.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
