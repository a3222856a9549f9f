import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where a running installation is reached, and by whom. */
export interface RunningSystem {
  readonly dataDir: string;
  readonly gatewayUrls: readonly string[];
  readonly ingestUrls: readonly string[];
  /** How the gateway's role reaches the database. */
  readonly gatewayDatabaseUrl: string;
  readonly admin: { readonly email: string; readonly password?: string };
}

/** The system is not there, or cannot be entered. The message says what to do next. */
export class NotRunning extends Error {
  override readonly name = 'NotRunning';
}

type Environment = Readonly<Record<string, string | undefined>>;
const READY_WITHIN_MS = 15_000;
const DEFAULT_ADMIN = 'admin@palisade.local';

/**
 * Looks up what runs in `run.json` and `connections.json` of the data directory (their shapes are documented with the HTTP API), and waits
 * up to 15 s until it is ready. Throws `NotRunning`.
 */
export async function findRunningSystem(env: Environment, workingDirectory: string): Promise<RunningSystem> {
  const dataDir = resolve(workingDirectory, env['PALISADE_DATA_DIR'] || '.data');
  const entries = readJson<{ service: string; port?: number }[]>(join(dataDir, 'run.json')) ?? [];
  const byPort = [...entries].sort((a, b) => (a.port ?? 0) - (b.port ?? 0));
  const host = reachable(env['PALISADE_HOST'] || '127.0.0.1');
  const urls = (service: string): string[] =>
    byPort.flatMap((entry) => (entry.service === service && entry.port !== undefined ? [`http://${host}:${entry.port}`] : []));
  const connections = readJson<{ database: { gateway: string } }>(join(dataDir, 'connections.json'));
  const [gatewayUrls, ingestUrls] = [urls('access-gateway'), urls('lead-ingest')];
  if (gatewayUrls.length === 0 || ingestUrls.length === 0 || connections === undefined || !(await isReady(gatewayUrls))) {
    throw new NotRunning(
      `nothing runs under ${dataDir}\n  next: run npm start, wait for "palisade ready", then this in another terminal`,
    );
  }
  return {
    dataDir,
    gatewayUrls,
    ingestUrls,
    gatewayDatabaseUrl: connections.database.gateway,
    admin: administrator(dataDir, env),
  };
}

/** From the environment; a first start keeps the e-mail, and the password until it was printed. */
function administrator(dataDir: string, env: Environment): RunningSystem['admin'] {
  const first = readJson<{ email?: string; password?: string }>(join(dataDir, 'first-sign-in.json')) ?? {};
  const password = env['PALISADE_ADMIN_PASSWORD'] || first.password;
  const email = env['PALISADE_ADMIN_EMAIL'] || (first.email ?? DEFAULT_ADMIN);
  return { email, ...(password === undefined ? {} : { password }) };
}

/** One that listens everywhere is asked here; an IPv6 address stands in brackets in a URL. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

async function isReady(urls: readonly string[]): Promise<boolean> {
  for (const end = Date.now() + READY_WITHIN_MS; Date.now() < end; await sleep(200)) {
    const states = await Promise.all(urls.map(stateOf));
    if (states.some((state) => state === 200)) return true;
    // Nobody listens at all: the files are of a start that is over.
    if (states.every((state) => state === 'refused')) return false;
  }
  return false;
}

async function stateOf(url: string): Promise<number | 'refused' | 'silent'> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED' ? 'refused' : 'silent';
  }
}

function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined;
}
