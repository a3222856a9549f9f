// What `npm start` and `npm test` share: the locked packages and the build. Runs on Node 20 without any package.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Node 24, which the locked packages bring: scripts run on one known runtime, whatever the machine has. */
export const NODE = join(ROOT, 'node_modules', '.bin', 'node');

const MODULES = join(ROOT, 'node_modules');
const DIST = join(ROOT, 'dist');
const STAMP = join(DIST, '.sources');
/** npm's shell, when npm runs this. */
const PARENT = process.ppid;
const SOURCES = ['apps', 'libs', 'deploy', 'bench'];

/** Installs and builds what is missing or out of date. Ends the process with 1, and says what to do, when that fails. */
export async function setUp() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) fail(`Node ${process.versions.node} is too old`, 'install Node 20 or later');
  if (process.platform === 'win32')
    fail('the private servers do not run on Windows itself', 'use the Windows Subsystem for Linux');
  if (!isInstalled()) await install();
  const stamp = sourcesStamp();
  if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== stamp) await build(stamp);
}

/** Ends the process: what failed, and the next step. */
export function fail(what, next) {
  process.stderr.write(`\n${what}\n  next: ${next}\n`);
  process.exit(1);
}

/**
 * Runs a command in place of this process: same terminal, same process group; signals are passed on and its end is our end.
 * `finish` gets the exit code and answers the one to leave with.
 */
export function runInstead(command, args, { env = process.env, channel = false, finish = (code) => code } = {}) {
  const child = spawn(command, args, { cwd: ROOT, env, stdio: channel ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // A signal to npm alone ends npm and its shell and never comes here: without them, stop as if it had come.
  if (process.env.npm_lifecycle_event !== undefined) {
    const watch = setInterval(() => {
      if (process.ppid === PARENT) return;
      clearInterval(watch);
      child.kill('SIGTERM');
    }, 200);
  }
  child.once('error', (error) => fail(`${command} could not be started: ${error.message}`, 'remove node_modules and try again'));
  child.once('exit', (code, signal) => process.exit(finish(code ?? (signal === null ? 1 : 128))));
  return child;
}

/** True when every package of the lock file is there in its locked version; optional ones of other platforms may be missing. */
function isInstalled() {
  const installed = join(MODULES, '.package-lock.json');
  if (!existsSync(installed) || !existsSync(NODE)) return false;
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, optional, devOptional, peer }]) => {
    if (path === '') return true;
    if (present[path] === undefined) return Boolean(optional || devOptional || peer);
    return present[path].version === version;
  });
}

async function install() {
  const output = await step('installing the locked packages (npm ci)', 'npm', [
    ...['ci', '--include=dev', '--loglevel', 'error', '--no-audit', '--no-fund', '--no-progress'],
  ]);
  if (output.code !== 0) {
    // npm explains itself in its first lines; its usage page follows.
    process.stderr.write(`${output.text.split('\n').slice(0, 40).join('\n')}\n`);
    if (output.text.includes('EUSAGE'))
      fail('package-lock.json does not fit package.json (above)', 'npm install, and commit package-lock.json');
    fail(
      'npm ci failed (above)',
      'see that the package registry can be reached (npm ping) and the disk is not full, then try again',
    );
  }
  if (!existsSync(NODE)) {
    fail(
      'npm ci installed no Node 24: install scripts did not run',
      'npm config set ignore-scripts false, remove node_modules, and try again',
    );
  }
}

/** Builds beside the old tree and swaps: what runs from the old one keeps whole files to the end. */
async function build(stamp) {
  const draft = join(MODULES, '.cache', `palisade-build-${process.pid}`);
  const old = `${draft}-old`;
  mkdirSync(dirname(draft), { recursive: true });
  try {
    const output = await step('building', 'npm', ['run', '--silent', 'build', '--', '--out-dir', draft]);
    if (output.code !== 0) {
      process.stderr.write(output.text);
      fail('the build failed (above)', 'npm run types shows where');
    }
    writeFileSync(join(draft, '.sources'), stamp);
    if (existsSync(DIST)) renameSync(DIST, old);
    renameSync(draft, DIST);
  } catch (error) {
    // Another start of the same tree built and swapped at the same moment: its build is as good.
    if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== stamp) throw error;
  } finally {
    rmSync(old, { recursive: true, force: true });
    rmSync(draft, { recursive: true, force: true });
  }
}

/** One text for the state of all sources: paths, sizes and times. */
function sourcesStamp() {
  const hash = createHash('sha256');
  const add = (path) => {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  };
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts')) add(path);
    }
  };
  for (const file of ['.swcrc', 'package.json', 'package-lock.json']) add(join(ROOT, file));
  for (const folder of SOURCES) if (existsSync(join(ROOT, folder))) walk(join(ROOT, folder));
  return hash.digest('hex');
}

/** Runs a command in silence and keeps what it said; after a second, and then every few, says that it is still at work. */
async function step(name, command, args) {
  const startedAt = Date.now();
  const { stdout } = process;
  const seconds = () => `${((Date.now() - startedAt) / 1000).toFixed(0)} s`;
  stdout.write(`${name} …${stdout.isTTY ? '' : '\n'}`);
  const timer = setInterval(
    () => stdout.write(stdout.isTTY ? `\r${name} … ${seconds()} ` : `  … ${seconds()}\n`),
    stdout.isTTY ? 500 : 5_000,
  );
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(chunk));
  const code = await new Promise((resolve) => {
    child.once('error', (error) => {
      chunks.push(Buffer.from(`${error.message}\n`));
      resolve(1);
    });
    child.once('close', resolve);
  });
  clearInterval(timer);
  stdout.write(
    `${stdout.isTTY ? '\r' : ''}${code === 0 ? '✓' : '✗'} ${name} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)\n`,
  );
  return { code, text: Buffer.concat(chunks).toString('utf8') };
}
