import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSecret } from '../connections.js';
import { setUpDatabase, withClient } from '../database-roles.js';
import { freePort } from './free-port.js';
import { PostgresServer, stopLeftOverPostgres } from './postgres-server.js';
import { signal } from './processes.js';

/** 0711: PostgreSQL's user passes through; 0700: it does not, as below a closed home folder. */
describe.each([
  ['an open', 0o711],
  ['a closed', 0o700],
])('a private PostgreSQL below %s folder', (_kind, mode) => {
  let folder: string;
  let server: PostgresServer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'palisade-postgres-'));
    chmodSync(folder, mode);
    server = await prepare();
    await server.start();
  });
  afterAll(async () => {
    await server.stop();
    server.remove();
    rmSync(folder, { recursive: true });
  });

  const superuserPassword = newSecret();
  let port = 0;
  async function prepare(): Promise<PostgresServer> {
    port ||= await freePort();
    const logFile = join(folder, 'postgres.log');
    return PostgresServer.prepare({ folder: join(folder, 'postgres'), port, superuserPassword, logFile, detached: false });
  }
  const run = (sql: string) => withClient(server.url, (client) => client.query<Record<string, unknown>>(sql));

  it('is PostgreSQL 18, durable, in UTF-8, on loopback alone', async () => {
    const { rows } = await run(
      `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('fsync') AS fsync,
              current_setting('listen_addresses') AS address, current_setting('data_checksums') AS checksums,
              current_setting('server_encoding') AS encoding, lower('ПЁТР') AS lower`,
    );
    expect(rows).toEqual([{ version: 18, fsync: 'on', address: '127.0.0.1', checksums: 'on', encoding: 'UTF8', lower: 'пётр' }]);
  });

  it('keeps what failing statements carried out of its log', async () => {
    await run("CREATE TABLE planted (x text UNIQUE); INSERT INTO planted VALUES ('planted-value')");
    await expect(run(`INSERT INTO planted VALUES ('planted-value')`)).rejects.toMatchObject({ code: '23505' });
    await expect(run(`SELECT planted-value FROM`)).rejects.toBeDefined();
    await expect(
      withClient(server.url, (client) => client.query('INSERT INTO planted VALUES ($1)', ['planted-value'])),
    ).rejects.toMatchObject({ code: '23505' });
    expect(readFileSync(join(folder, 'postgres.log'), 'utf8')).not.toContain('planted-value');
  });

  it('gives roles at each start the settings that they shall have, whatever they have set for themselves', async () => {
    const passwords = { core: newSecret(), gateway: newSecret(), monitor: newSecret() };
    const { monitor } = await setUpDatabase(server.url, passwords);
    const asMonitor = (sql: string) => withClient(monitor, (client) => client.query<Record<string, unknown>>(sql));
    const names = ['synchronous_commit', 'statement_timeout', 'work_mem'];
    const settings = async (): Promise<unknown> =>
      (await asMonitor(`SELECT ${names.map((name) => `current_setting('${name}') AS ${name}`).join()}`)).rows;
    const before = await settings();
    await asMonitor(`ALTER ROLE CURRENT_USER SET synchronous_commit = off; ALTER ROLE CURRENT_USER SET statement_timeout = 0`);
    await asMonitor(`ALTER ROLE CURRENT_USER IN DATABASE palisade SET work_mem = '64kB'`);
    expect(await settings()).toEqual([{ synchronous_commit: 'off', statement_timeout: '0', work_mem: '64kB' }]);
    await setUpDatabase(server.url, passwords);
    expect(await settings()).toEqual(before);
  });

  it('comes back after kill -9 with what it had acknowledged', async () => {
    await run('CREATE TABLE kept AS SELECT 42 AS x');
    const before = server.child;
    // A busy backend outlives its postmaster for a moment and holds the shared memory.
    const busy = run(`SELECT count(*) FROM generate_series(1, 20000000)`).catch(() => undefined);
    signal(before?.pid as number, 'SIGKILL');
    await before?.ended;
    const after = await server.start();
    expect(after.pid).not.toBe(before?.pid);
    expect((await run('SELECT x FROM kept')).rows).toEqual([{ x: 42 }]);
    await busy;
  });

  it('is stopped by a later start that finds it left over, and started again with its data', async () => {
    const abandoned = server.child;
    await stopLeftOverPostgres(join(folder, 'postgres'));
    await abandoned?.ended;
    server = await prepare();
    await server.start();
    expect((await run('SELECT x FROM kept')).rows).toEqual([{ x: 42 }]);
  });
});
