import { execFile } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { withClient } from '../database-roles.js';
import { logTail, startChild, stopChild, type Child } from './child.js';
import { canEnter, findPostgres, SYSTEM_FOLDER, type PostgresBinaries, type SystemUser } from './postgres-binaries.js';
import { commandOf, isRunning, stopStray } from './processes.js';

export interface PostgresOptions {
  /** Where the cluster is seen; for root below a closed folder, a link to where it lies. */
  readonly folder: string;
  readonly port: number;
  readonly superuserPassword: string;
  readonly logFile: string;
  readonly detached: boolean;
  /** Settings besides our own, for tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Personal data must not reach the server's log: no statements, no parameters, and errors without the statement that failed.
 * Sessions of services have bounds of their own (see database-roles).
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  idle_in_transaction_session_timeout: '10s',
  password_encryption: 'scram-sha-256',
  log_statement: 'none',
  log_min_error_statement: 'panic',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
  log_error_verbosity: 'terse',
};

/** A recovering server is waited for this long: it reads the log of everything since the last checkpoint. */
const READY_WITHIN_MS = 60_000;

/** One more than the largest id Linux gives out (2^22 - 1, proc(5)). */
const IMPOSSIBLE_PID = 4_194_304;

/** A private PostgreSQL: made at its first start, stopped and started again as often as needed, always on the same port. */
export class PostgresServer {
  readonly #options: PostgresOptions;
  readonly #binaries: PostgresBinaries;
  #child: Child | undefined;
  #stopping = false;

  private constructor(options: PostgresOptions, binaries: PostgresBinaries) {
    this.#options = options;
    this.#binaries = binaries;
  }

  /** Makes the cluster if there is none yet. Takes a second then, nothing later. */
  static async prepare(options: PostgresOptions): Promise<PostgresServer> {
    const binaries = await findPostgres();
    const server = new PostgresServer(options, binaries);
    if (!existsSync(join(options.folder, 'PG_VERSION'))) await server.#initialise();
    return server;
  }

  /** A superuser's URL, of the maintenance database. */
  get url(): string {
    return `postgres://postgres:${encodeURIComponent(this.#options.superuserPassword)}@127.0.0.1:${this.#options.port}/postgres`;
  }

  get port(): number {
    return this.#options.port;
  }

  /** What stands in the command line of this cluster's server and of no other. */
  get marker(): string {
    return realpathSync(this.#options.folder);
  }

  /** The running server; undefined before the first start. */
  get child(): Child | undefined {
    return this.#child;
  }

  /**
   * Starts the server and resolves when it answers. After a kill -9 the backends of the dead server may live a moment longer and
   * hold its memory; the start is tried again until they are gone. Throws, with the end of the log, after a minute.
   */
  async start(): Promise<Child> {
    this.#stopping = false;
    await stopLeftOverPostgres(this.#options.folder);
    const end = Date.now() + READY_WITHIN_MS;
    while (Date.now() < end && !this.#stopping) {
      const child = await this.#spawn();
      this.#child = child;
      while (!child.hasEnded() && Date.now() < end) {
        if (await this.#answers()) return child;
        await Promise.race([sleep(30), child.ended]);
      }
      if (!child.hasEnded()) await stopChild(child, 'SIGINT', 5_000);
      else await sleep(100);
    }
    throw new Error(`PostgreSQL did not start; the end of ${this.#options.logFile}:\n${logTail(this.#options.logFile)}`);
  }

  /** Fast shutdown: sessions are ended, everything is on disk. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child !== undefined) await stopChild(this.#child, 'SIGINT', 10_000);
  }

  /** Removes the cluster, also where it only links to. For servers of tests. */
  remove(): void {
    rmSync(this.marker, { recursive: true, force: true });
    rmSync(this.#options.folder, { recursive: true, force: true });
  }

  async #spawn(): Promise<Child> {
    const settings = { ...SETTINGS, port: String(this.#options.port), ...this.#options.settings };
    return startChild({
      command: this.#binaries.postgres,
      args: ['-D', this.marker, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' },
      logFile: this.#options.logFile,
      detached: this.#options.detached,
      workingDirectory: '/',
      ...(this.#binaries.user === undefined ? {} : { identity: this.#binaries.user }),
    });
  }

  async #answers(): Promise<boolean> {
    try {
      await withClient(this.url, (client) => client.query('SELECT 1'));
      return true;
    } catch (error) {
      // 28P01: the server is up and the password is not the one it was made with; waiting does not help.
      if ((error as { code?: string }).code === '28P01') {
        throw new Error(`PostgreSQL in ${this.#options.folder} has another superuser password than <data dir>/secrets.json`, {
          cause: error,
        });
      }
      return false;
    }
  }

  async #initialise(): Promise<void> {
    const { user } = this.#binaries;
    const place = this.#options.folder;
    const folder = draftFolder(place, user);
    const passwordFolder = mkdtempSync(join(tmpdir(), 'palisade-'));
    const passwordFile = join(passwordFolder, 'password');
    try {
      writeFileSync(passwordFile, this.#options.superuserPassword, { mode: 0o600 });
      if (user !== undefined) for (const path of [passwordFolder, passwordFile]) chownSync(path, user.uid, user.gid);
      await promisify(execFile)(
        this.#binaries.initdb,
        [
          ...['--pgdata', folder, '--username', 'postgres', '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
          ...['--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
        ],
        { env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }, cwd: '/', ...user },
      ).catch((error: Error & { stderr?: string }) => {
        throw new Error(`the PostgreSQL cluster could not be made in ${folder}:\n${error.stderr ?? ''}${error.message}`, {
          cause: error,
        });
      });
    } finally {
      rmSync(passwordFolder, { recursive: true, force: true });
    }
    // Only a whole cluster gets the name under which the next start looks for one.
    if (dirname(folder) === dirname(place)) renameSync(folder, place);
    else symlinkSync(folder, place);
  }
}

/**
 * Ends a server of this cluster whose starter was killed. A lock file naming a dead process is left to PostgreSQL, which reads
 * from it whether backends of that server still live. One naming a process of somebody else (the id was used again) would stop
 * PostgreSQL for ever: it gets an id that no process can have, and the rest of it stays for that check.
 */
export async function stopLeftOverPostgres(place: string): Promise<void> {
  if (!existsSync(join(place, 'postmaster.pid'))) return;
  const folder = realpathSync(place);
  const lock = join(folder, 'postmaster.pid');
  const [first = '', ...rest] = readFileSync(lock, 'utf8').split('\n');
  const pid = Number(first);
  if (isRunning(pid, folder)) await stopStray(pid, folder, 'SIGINT', 15_000);
  else if (commandOf(pid) !== undefined) writeFileSync(lock, [IMPOSSIBLE_PID, ...rest].join('\n'));
}

/**
 * An empty folder to make the cluster in: beside its place where PostgreSQL's user can get there; else below the system's folder,
 * to be linked from the place. Throws when something that is no cluster lies in the place: it is not ours to remove.
 */
function draftFolder(place: string, user: SystemUser | undefined): string {
  if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) {
    throw new Error(
      `${place} is there but holds no PostgreSQL cluster; bring the cluster back, or move ${place} away to begin anew`,
    );
  }
  mkdirSync(dirname(place), { recursive: true });
  const folder = user === undefined || canEnter(user, dirname(place)) ? `${place}.new` : freshSystemFolder();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

function freshSystemFolder(): string {
  const clusters = join(SYSTEM_FOLDER, 'clusters');
  mkdirSync(clusters, { recursive: true, mode: 0o755 });
  return mkdtempSync(join(clusters, 'cluster-'));
}
