// npm run scan: looks for numbers and addresses where none may be, in a running installation.
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { signInAsAdministrator } from '../demo/administrator.js';
import { ApiClient, UnexpectedAnswer } from '../demo/api-client.js';
import { findRunningSystem, NotRunning } from '../demo/running-system.js';
import { Terminal } from '../demo/terminal.js';
import { NumberScan, isLongEnough } from './number-scan.js';
import { plantOwn } from './planting.js';
import { scanAnswers, type RoutesDocument } from './scan-answers.js';
import { scanInstallation, type Look } from './scan-installation.js';

const USAGE = `npm run scan -- [options]        (the system must be running: npm start)
  --values FILE   look for the numbers and e-mail addresses of this file, one a line; - reads them from the standard input
                  without it made-up ones are written into the system first, under names that begin with "scan"
  --cards N       records of each kind to open (50); their openings are recorded like others
  --help          this text
The administrator comes from PALISADE_ADMIN_EMAIL and PALISADE_ADMIN_PASSWORD, the system from PALISADE_DATA_DIR (.data).
Found values are told by place and spelling, never by themselves. Exit code 0: none, 1: some, 2: it could not look.`;

/** The command line or the values cannot be read; the message holds no value. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

const MOST_SHOWN = 100;
const FILE_MAX = 16 * 1024 * 1024;

interface Options {
  readonly values?: string;
  readonly cards: number;
  readonly help: boolean;
}

function readOptions(args: readonly string[]): Options {
  try {
    const options = { values: { type: 'string' }, cards: { type: 'string' }, help: { type: 'boolean' } } as const;
    const { values, cards = '50', help = false } = parseArgs({ args: [...args], options }).values;
    if (!/^\d{1,5}$/.test(cards)) throw new UsageError('--cards: expected a whole number up to 99999');
    return { ...(values === undefined ? {} : { values }), cards: Number(cards), help };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the options cannot be read');
  }
}

/** Plants what the file names. Throws `UsageError` naming the lines that are too short to be told from chance. */
function plantGiven(scan: NumberScan, file: string): void {
  const lines = readValues(file).split('\n');
  const short: number[] = [];
  lines.forEach((line, index) => {
    const value = line.trim();
    if (value === '') return;
    if (value.includes('@') && value.length >= 8) scan.plantEmail(value);
    else if (isLongEnough(value)) scan.plantNumber(value);
    else short.push(index + 1);
  });
  if (short.length > 0) throw new UsageError(`--values: fewer than ten digits in line ${short.slice(0, 20).join(', ')}`);
  if (scan.size === 0) throw new UsageError('--values: there is none');
}

function readValues(file: string): string {
  try {
    // From where the person stands; npm runs this in the project's folder.
    const text = readFileSync(file === '-' ? 0 : resolve(process.env['INIT_CWD'] ?? process.cwd(), file), 'utf8');
    if (text.length <= FILE_MAX) return text;
  } catch (error) {
    throw new UsageError(`--values: ${basename(file)} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
  throw new UsageError(`--values: more than ${FILE_MAX} characters`);
}

async function lookAtAnswers(scan: NumberScan, admin: ApiClient, most: number, terminal: Terminal): Promise<readonly Look[]> {
  const { body: settings } = await admin.get<{ hidePhones?: boolean; hideEmails?: boolean }>('/v1/settings/security');
  if (settings.hidePhones !== true || settings.hideEmails !== true) {
    terminal.note('hidePhones or hideEmails is off: cards show numbers by right, and answers are not looked at');
    return [];
  }
  const { body } = await admin.get('/openapi.json');
  const seen = await scanAnswers(scan, (path) => admin.get(path), body as unknown as RoutesDocument, most);
  return [{ what: 'answers', extent: `${seen.answers} answers to the administrator, masked`, leaks: seen.leaks }];
}

function report(terminal: Terminal, looks: readonly Look[]): boolean {
  for (const { what, extent, leaks } of looks) terminal.finding(leaks.length === 0, `${what}: ${extent}, ${leaks.length} found`);
  const places = new Set(
    looks.flatMap(({ leaks }) => leaks.map(({ place, spelling, index }) => `${place}: ${spelling} of value ${index + 1}`)),
  );
  for (const place of [...places].slice(0, MOST_SHOWN)) terminal.line(`    ${place}`);
  if (places.size > MOST_SHOWN) terminal.line(`    and ${places.size - MOST_SHOWN} more`);
  return places.size === 0;
}

async function main(): Promise<number> {
  const terminal = new Terminal();
  const { values, cards, help } = readOptions(process.argv.slice(2));
  if (help) {
    terminal.line(USAGE);
    return 0;
  }
  const scan = new NumberScan();
  if (values !== undefined) plantGiven(scan, values);
  const system = await findRunningSystem(process.env, process.cwd());
  const stranger = new ApiClient({ urls: system.gatewayUrls, traffic: { repeated: 0 } });
  const admin = stranger.as(await signInAsAdministrator(stranger, system));
  if (values === undefined) await plantOwn(scan, system, admin);
  terminal.line(`${scan.size} numbers and addresses are looked for`);
  const looks = [
    ...(await lookAtAnswers(scan, admin, cards, terminal)),
    ...(await scanInstallation(scan, system.dataDir, process.env['PALISADE_HOST'] || undefined)),
  ];
  return report(terminal, looks) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isExpected = [UsageError, NotRunning, UnexpectedAnswer].some((kind) => error instanceof kind);
  process.stderr.write(`${error instanceof Error ? (isExpected ? error.message : error.stack) : String(error)}\n`);
  if (error instanceof UsageError) process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
}
