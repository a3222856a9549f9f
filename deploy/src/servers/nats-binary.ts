import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** System programs lie outside the PATH of many users. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin', '/snap/bin'];

interface Installer {
  readonly program: string;
  readonly needsRoot: boolean;
  readonly commands: ReadonlyArray<readonly string[]>;
}

const INSTALLERS: readonly Installer[] = [
  {
    program: 'apt-get',
    needsRoot: true,
    commands: [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', 'nats-server'],
    ],
  },
  { program: 'dnf', needsRoot: true, commands: [['install', '-y', '-q', 'nats-server']] },
  { program: 'apk', needsRoot: true, commands: [['add', '--quiet', 'nats-server']] },
  { program: 'brew', needsRoot: false, commands: [['install', '--quiet', 'nats-server']] },
];

/** The path of a program, on PATH or where system programs lie. */
export function findProgram(name: string, path: string = process.env['PATH'] ?? ''): string | undefined {
  return [...path.split(delimiter), ...MORE_FOLDERS]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/**
 * Finds nats-server, or installs it with the system's package manager, saying so through `say`. Throws an error whose text is the
 * one line to run when it cannot be installed from here.
 */
export async function findNatsServer(say: (line: string) => void): Promise<string> {
  const found = findProgram('nats-server');
  if (found !== undefined) return found;
  const installer = INSTALLERS.find(({ program }) => findProgram(program) !== undefined);
  if (installer === undefined) throw new Error(missing('install it from https://nats.io/download and put it on PATH'));
  const byHand = lineToRun(installer);
  if (installer.needsRoot !== (process.getuid?.() === 0)) throw new Error(missing(`run: ${byHand}`));
  say(`nats-server is not on this machine; installing it with ${installer.program}`);
  const output: string[] = [];
  for (const args of installer.commands) {
    const code = await run(findProgram(installer.program) as string, args, output);
    // An update that fails for one source of many is no reason not to try.
    if (code !== 0 && args !== installer.commands.at(0)) break;
  }
  const installed = findProgram('nats-server');
  if (installed !== undefined) return installed;
  throw new Error(
    `${output.join('').trimEnd().split('\n').slice(-15).join('\n')}\n${missing(`${installer.program} failed (above); run: ${byHand}`)}`,
  );
}

function missing(next: string): string {
  return `nats-server is missing; ${next}; then npm start again (or name a server in PALISADE_NATS_URL)`;
}

function lineToRun({ program, needsRoot, commands }: Installer): string {
  const sudo = needsRoot && process.getuid?.() !== 0 ? 'sudo ' : '';
  return commands
    .map((args) => `${sudo}${program} ${args.filter((arg) => !/^-(q|-quiet$|-no)/.test(arg)).join(' ')}`)
    .join(' && ');
}

async function run(command: string, args: readonly string[], output: string[]): Promise<number | null> {
  return new Promise((resolve) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const child = spawn(command, [...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk.toString('utf8')));
    child.once('error', (error) => {
      output.push(`${error.message}\n`);
      resolve(null);
    });
    child.once('close', resolve);
  });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
