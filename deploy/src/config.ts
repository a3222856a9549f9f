import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import type { Service } from './service-names.js';

/** The environment of `npm start`, read once. Ports and numbers of instances are resolved: what stands here is what will run. */
export interface StartConfig {
  /** Absolute path of the folder that holds everything this installation keeps. */
  readonly dataDir: string;
  readonly host: string;
  /** One port per instance, consecutive from the first. */
  readonly gatewayPorts: readonly number[];
  readonly ingestPorts: readonly number[];
  /** True when the ingests moved behind the gateways because the default port was taken by one of them. */
  readonly ingestPortMoved: boolean;
  readonly instances: Readonly<Record<Service, number>>;
  /** Absolute path of the file of signed heads, which had better lie on another disk than the database. */
  readonly headsFile: string;
  /** Superuser URL of a server that exists; absent: a private server is started. */
  readonly databaseUrl?: string;
  /** URL of a server that exists; absent: a private server is started. */
  readonly natsUrl?: string;
  readonly administrator: { readonly email: string; readonly password?: string };
  /** Handed to the services as they are, by name; absent ones are left to the service's default. */
  readonly passedOn: Readonly<Partial<Record<PassedOn, string>>>;
  /** Names beginning with PALISADE_ that nothing reads: probably misspelt. */
  readonly unknown: readonly string[];
}

/** Settings of services that the start checks and hands on. */
export type PassedOn =
  | 'PALISADE_LOG_LEVEL'
  | 'PALISADE_METRICS_ANYWHERE'
  | 'PALISADE_TRUSTED_PROXIES'
  | 'PALISADE_KEK'
  | 'PALISADE_FACTOR_KEY'
  | 'PALISADE_KEK_PREVIOUS'
  | 'PALISADE_FORM_RATE'
  | 'PALISADE_FORM_TOTAL_RATE'
  | 'PALISADE_RUSH_PAUSE_MS'
  | 'PALISADE_DATABASE_ANSWER_MS'
  | 'PALISADE_ALLOW_PRIVATE_TARGETS'
  | 'PALISADE_HEADS_WEBHOOK'
  | 'PALISADE_TELEPHONY_URL'
  | 'PALISADE_TELEPHONY_SECRET'
  | 'PALISADE_LEDGER_RETENTION_MONTHS';

/** Every wrong value of the environment. A problem names the variable and what it may be, and never quotes a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

const DEFAULT_GATEWAY_PORT = 3000;
const DEFAULT_INGEST_PORT = 3001;
const LARGEST_PORT = 65_535;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'];
const COUNTS = {
  'crm-core': 'PALISADE_CORES',
  'access-gateway': 'PALISADE_GATEWAYS',
  'activity-monitor': 'PALISADE_MONITORS',
  'lead-ingest': 'PALISADE_INGESTS',
} as const satisfies Record<Service, string>;

const PASSED_ON: Record<PassedOn, { readonly accepts: (value: string) => boolean; readonly expected: string }> = {
  PALISADE_LOG_LEVEL: { accepts: (value) => LOG_LEVELS.includes(value), expected: `one of ${LOG_LEVELS.join(', ')}` },
  PALISADE_METRICS_ANYWHERE: { accepts: isFlag, expected: 'true or false' },
  PALISADE_TRUSTED_PROXIES: { accepts: isCidrList, expected: 'addresses or CIDRs separated by commas, for example 10.0.0.0/8' },
  PALISADE_KEK: { accepts: isKey, expected: '32 bytes in base64, for example the output of: openssl rand -base64 32' },
  PALISADE_FACTOR_KEY: { accepts: isKey, expected: '32 bytes in base64, for example the output of: openssl rand -base64 32' },
  PALISADE_KEK_PREVIOUS: { accepts: isKey, expected: 'the 32 bytes in base64 that PALISADE_KEK was before' },
  PALISADE_FORM_RATE: { accepts: isPositive, expected: 'leads a minute, a whole number from 1' },
  PALISADE_FORM_TOTAL_RATE: { accepts: isPositive, expected: 'leads a minute, a whole number from 1' },
  PALISADE_RUSH_PAUSE_MS: { accepts: isPause, expected: 'a whole number of milliseconds from 0 to 10000' },
  PALISADE_DATABASE_ANSWER_MS: { accepts: isPatience, expected: 'a whole number of milliseconds from 100 to 30000' },
  PALISADE_ALLOW_PRIVATE_TARGETS: { accepts: isFlag, expected: 'true or false' },
  PALISADE_HEADS_WEBHOOK: { accepts: isWebUrl, expected: 'a URL like https://host/path, without a login' },
  PALISADE_TELEPHONY_URL: { accepts: isWebUrl, expected: 'a URL like https://host/path, without a login' },
  PALISADE_TELEPHONY_SECRET: { accepts: (value) => [...value].length >= 32, expected: 'at least 32 characters' },
  PALISADE_LEDGER_RETENTION_MONTHS: {
    accepts: (value) => isPositive(value) && Number(value) <= 240,
    expected: 'a whole number of months from 1 to 240',
  },
};

const OTHER_NAMES = [
  'PALISADE_DATA_DIR',
  'PALISADE_HOST',
  'PALISADE_GATEWAY_PORT',
  'PALISADE_INGEST_PORT',
  'PALISADE_DATABASE_URL',
  'PALISADE_NATS_URL',
  'PALISADE_ADMIN_EMAIL',
  'PALISADE_ADMIN_PASSWORD',
  'PALISADE_HEADS_FILE',
];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment of the start. An empty value is an absent one.
 * Throws a `ConfigError` that lists everything wrong, not the first thing only.
 */
export function readStartConfig(env: Environment, workingDirectory: string): StartConfig {
  const reader = new Reader(env);
  const instances = reader.instances();
  const gatewayPorts = reader.ports('PALISADE_GATEWAY_PORT', DEFAULT_GATEWAY_PORT, instances['access-gateway']);
  const ingests = reader.ingestPorts(gatewayPorts, instances['lead-ingest']);
  const databaseUrl = reader.url(
    'PALISADE_DATABASE_URL',
    ['postgres:', 'postgresql:'],
    'postgres://user:password@host:5432/postgres',
  );
  const natsUrl = reader.url('PALISADE_NATS_URL', ['nats:', 'tls:'], 'nats://host:4222, without a login');
  const host = reader.checked(
    'PALISADE_HOST',
    (value) => isIP(value) !== 0,
    'an IP address of this machine, for example 127.0.0.1',
  );
  const password = reader.administratorPassword();
  const dataDir = resolve(workingDirectory, reader.text('PALISADE_DATA_DIR') ?? '.data');
  const config: StartConfig = {
    dataDir,
    headsFile: resolve(workingDirectory, reader.text('PALISADE_HEADS_FILE') ?? join(dataDir, 'heads', 'heads.jsonl')),
    host: host ?? '127.0.0.1',
    gatewayPorts,
    ingestPorts: ingests.ports,
    ingestPortMoved: ingests.moved,
    instances,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(natsUrl === undefined ? {} : { natsUrl }),
    administrator: Object.freeze({
      email:
        reader.checked('PALISADE_ADMIN_EMAIL', (value) => /^[^\s@]+@[^\s@]+$/.test(value), 'an e-mail address') ??
        'admin@palisade.local',
      ...(password === undefined ? {} : { password }),
    }),
    passedOn: reader.passedOn(),
    unknown: unknownNames(env),
  };
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return Object.freeze(config);
}

class Reader {
  readonly problems: string[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  text(name: string): string | undefined {
    const value = this.#env[name];
    return value === undefined || value === '' ? undefined : value;
  }

  checked(name: string, accepts: (value: string) => boolean, expected: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !accepts(value)) this.problems.push(`${name}: expected ${expected}`);
    return value;
  }

  integer(name: string, fallback: number, smallest: number, largest: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    if (/^\d{1,9}$/.test(value) && Number(value) >= smallest && Number(value) <= largest) return Number(value);
    this.problems.push(`${name}: expected a whole number from ${smallest} to ${largest}`);
    return fallback;
  }

  instances(): Readonly<Record<Service, number>> {
    const count = (service: Service): number => this.integer(COUNTS[service], 1, 1, 8);
    return Object.freeze({
      'crm-core': count('crm-core'),
      'access-gateway': count('access-gateway'),
      'activity-monitor': count('activity-monitor'),
      'lead-ingest': count('lead-ingest'),
    });
  }

  ports(name: string, fallback: number, count: number): readonly number[] {
    const first = this.integer(name, fallback, 1, LARGEST_PORT);
    if (first + count - 1 > LARGEST_PORT) this.problems.push(`${name}: ${count} consecutive ports from ${first} do not exist`);
    return Object.freeze(Array.from({ length: count }, (_, index) => first + index));
  }

  ingestPorts(gateways: readonly number[], count: number): { ports: readonly number[]; moved: boolean } {
    const ports = this.ports('PALISADE_INGEST_PORT', DEFAULT_INGEST_PORT, count);
    const taken = ports.filter((port) => gateways.includes(port));
    if (taken.length === 0) return { ports, moved: false };
    if (this.text('PALISADE_INGEST_PORT') === undefined) {
      return { ports: this.ports('PALISADE_INGEST_PORT', (gateways.at(-1) ?? 0) + 1, count), moved: true };
    }
    this.problems.push(
      `PALISADE_INGEST_PORT: ${count} from ${ports[0]} and PALISADE_GATEWAY_PORT: ${gateways.length} from ${gateways[0]} both take ${taken.join(', ')}`,
    );
    return { ports, moved: false };
  }

  url(name: string, protocols: readonly string[], example: string): string | undefined {
    const accepts = (value: string): boolean => {
      if (!URL.canParse(value)) return false;
      const { protocol, username, password } = new URL(value);
      // The services sign in to the broker each as itself; only the database's URL carries a login.
      return protocols.includes(protocol) && (protocols.includes('postgres:') || username + password === '');
    };
    return this.checked(name, accepts, `a URL like ${example}`);
  }

  administratorPassword(): string | undefined {
    return this.checked('PALISADE_ADMIN_PASSWORD', (value) => [...value].length >= 12, 'at least 12 characters');
  }

  passedOn(): Readonly<Partial<Record<PassedOn, string>>> {
    const found: Partial<Record<PassedOn, string>> = {};
    for (const name of Object.keys(PASSED_ON) as PassedOn[]) {
      const value = this.checked(name, PASSED_ON[name].accepts, PASSED_ON[name].expected);
      if (value !== undefined) found[name] = value;
    }
    if (found.PALISADE_TELEPHONY_URL !== undefined && found.PALISADE_TELEPHONY_SECRET === undefined) {
      this.problems.push(
        `PALISADE_TELEPHONY_SECRET: expected with PALISADE_TELEPHONY_URL, ${PASSED_ON.PALISADE_TELEPHONY_SECRET.expected}`,
      );
    }
    return Object.freeze(found);
  }
}

function unknownNames(env: Environment): readonly string[] {
  const known = new Set<string>([...OTHER_NAMES, ...Object.values(COUNTS), ...Object.keys(PASSED_ON)]);
  return Object.freeze(Object.keys(env).filter((name) => name.startsWith('PALISADE_') && !known.has(name)));
}

function isKey(value: string): boolean {
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === 32 && bytes.toString('base64') === value;
}

function isWebUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return (protocol === 'https:' || protocol === 'http:') && username + password === '';
}

function isFlag(value: string): boolean {
  return value === 'true' || value === 'false';
}

function isPositive(value: string): boolean {
  return /^[1-9]\d{0,8}$/.test(value);
}

function isPatience(value: string): boolean {
  return /^\d{1,5}$/.test(value) && Number(value) >= 100 && Number(value) <= 30_000;
}

function isPause(value: string): boolean {
  return /^\d{1,5}$/.test(value) && Number(value) <= 10_000;
}

/** A first look only, so that a slip stops the start; the gateway's own parser is the strict one. */
function isCidrList(value: string): boolean {
  return value.split(',').every((entry) => {
    const [address = '', bits, ...rest] = entry.trim().split('/');
    const family = isIP(address);
    if (family === 0 || rest.length > 0) return false;
    return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
  });
}
