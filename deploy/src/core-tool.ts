import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError, readStartConfig, type StartConfig } from './config.js';
import type { Connections } from './connections.js';
import { coreTool } from './services.js';

/** `dist`, two folders above this compiled file. */
const BUILT_FOLDER = dirname(dirname(import.meta.dirname));

function fail(what: string, next: string): never {
  process.stderr.write(`${what}\n  next: ${next}\n`);
  process.exit(1);
}

function config(): StartConfig {
  try {
    return readStartConfig(process.env, process.cwd());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return fail(error.problems.join('\n'), 'set it right, and try again');
  }
}

/** `npm run rebuild`, `verify`, `rotate-keys`, `rescue`: a tool of core on the installation of PALISADE_DATA_DIR, which keeps running. */
function main([name, ...args]: readonly string[]): void {
  if (name === undefined) fail('no tool was named', 'npm run verify');
  const start = config();
  const file = join(start.dataDir, 'connections.json');
  if (!existsSync(file)) fail(`no installation under ${start.dataDir}`, 'npm start, and this in another terminal');
  const connections = JSON.parse(readFileSync(file, 'utf8')) as Connections;
  const { entry, env } = coreTool(name, { config: start, connections, builtFolder: BUILT_FOLDER, ambient: process.env });
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', entry, ...args], { env, stdio: 'inherit' });
  process.exit(status ?? 1);
}

main(process.argv.slice(2));
