import { join } from 'node:path';
import type { StartConfig } from './config.js';
import type { Connections } from './connections.js';
import { migrationUrl, type DatabaseRole } from './database-roles.js';
import type { NatsUser } from './nats-permissions.js';
import { NODE_FLAGS } from './node-flags.js';
import { SERVICES, type Service } from './service-names.js';

/** Everything needed to start one instance. */
export interface ServiceInstance {
  readonly service: Service;
  readonly instance: number;
  /** The public port; core and monitor have none. */
  readonly port?: number;
  /** Answers 200 when the instance can serve. */
  readonly readyUrl: string;
  readonly args: readonly string[];
  /** All of the environment: what the service needs and nothing else. */
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Stands in the command line of this instance and of no other process. */
  readonly marker: string;
}

export interface ServiceContext {
  readonly config: StartConfig;
  readonly connections: Connections;
  /** The compiled tree (`dist`). */
  readonly builtFolder: string;
  /** Where core and monitor answer health checks, by `<service>-<instance>`. */
  readonly healthPorts: Readonly<Record<string, number>>;
  /** For the first start: whom the gateway makes when there is nobody yet. */
  readonly firstAdministrator?: { readonly email: string; readonly password: string };
  /** PATH, HOME and the like of the start itself. */
  readonly ambient: Readonly<Record<string, string | undefined>>;
}

const DATABASE_ROLE: Readonly<Record<Service, DatabaseRole | undefined>> = {
  'crm-core': 'core',
  'activity-monitor': 'monitor',
  'access-gateway': 'gateway',
  'lead-ingest': undefined,
};

const NATS_USER: Readonly<Record<Service, NatsUser>> = {
  'crm-core': 'core',
  'activity-monitor': 'monitor',
  'access-gateway': 'gateway',
  'lead-ingest': 'ingest',
};

const AMBIENT = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'];

/** `<service>-<instance>`, the name in logs and messages. */
export function instanceName(service: string, instance: number): string {
  return `${service}-${instance}`;
}

/** All instances that the configuration asks for. */
export function serviceInstances(context: ServiceContext): ServiceInstance[] {
  return SERVICES.flatMap((service) =>
    Array.from({ length: context.config.instances[service] }, (_, instance) => describe(service, instance, context)),
  );
}

/** The migrations of a service, run with the environment of its first instance; undefined for one without a database. */
export function migrationOf(
  service: Service,
  context: ServiceContext,
): { entry: string; env: Record<string, string> } | undefined {
  const role = DATABASE_ROLE[service];
  if (role === undefined) return undefined;
  const databaseUrl = migrationUrl(context.connections.database.superuser, role);
  return {
    entry: join(context.builtFolder, 'apps', service, 'src', 'migrate.js'),
    env: { ...environment(service, 0, context), PALISADE_DATABASE_URL: databaseUrl },
  };
}

/** A tool of core (`apps/crm-core/src/tools/<name>.ts`), run with the environment of its first instance. */
export function coreTool(
  name: string,
  context: Omit<ServiceContext, 'healthPorts'>,
): { entry: string; env: Record<string, string> } {
  const entry = join(context.builtFolder, 'apps', 'crm-core', 'src', 'tools', `${name}.js`);
  return { entry, env: environment('crm-core', 0, { ...context, healthPorts: { [instanceName('crm-core', 0)]: 0 } }) };
}

function describe(service: Service, instance: number, context: ServiceContext): ServiceInstance {
  const { config, builtFolder } = context;
  const name = instanceName(service, instance);
  const port = publicPort(service, instance, config);
  const marker = `${name}@${config.dataDir}`;
  const guard = join(builtFolder, 'deploy', 'src', 'stop-with-parent.js');
  return {
    service,
    instance,
    ...(port === undefined ? {} : { port }),
    readyUrl: `http://${port === undefined ? '127.0.0.1' : reachable(config.host)}:${port ?? healthPort(name, context)}/health/ready`,
    // The last argument is for whoever reads a list of processes, and for the next start when this one is killed.
    args: [
      ...NODE_FLAGS[service],
      '--import',
      guard,
      '--enable-source-maps',
      join(builtFolder, 'apps', service, 'src', 'main.js'),
      marker,
    ],
    env: environment(service, instance, context),
    logFile: join(config.dataDir, 'logs', `${name}.log`),
    marker,
  };
}

function environment(service: Service, instance: number, context: ServiceContext): Record<string, string> {
  const { config, connections, ambient, builtFolder } = context;
  const role = DATABASE_ROLE[service];
  const login = connections.nats.users[NATS_USER[service]];
  return defined({
    ...Object.fromEntries(AMBIENT.map((name) => [name, ambient[name]])),
    NODE_ENV: 'production',
    // A quarter of a service's start is compiling; the cache goes with the build it belongs to.
    NODE_COMPILE_CACHE: join(builtFolder, '.compile-cache'),
    PALISADE_SERVICE_INSTANCE: String(instance),
    PALISADE_LOG_LEVEL: config.passedOn.PALISADE_LOG_LEVEL,
    PALISADE_METRICS_ANYWHERE: config.passedOn.PALISADE_METRICS_ANYWHERE,
    PALISADE_DATABASE_URL: role === undefined ? undefined : connections.database[role],
    PALISADE_NATS_URL: connections.nats.url,
    PALISADE_NATS_USER: login.user,
    PALISADE_NATS_PASSWORD: login.password,
    ...ownEnvironment(service, instance, context),
  });
}

function ownEnvironment(service: Service, instance: number, context: ServiceContext): Record<string, string | undefined> {
  const { config } = context;
  const port = String(publicPort(service, instance, config) ?? healthPort(instanceName(service, instance), context));
  switch (service) {
    // Health answers are for this machine, whatever address the gateways are bound to.
    case 'crm-core':
      return {
        PALISADE_HOST: '127.0.0.1',
        PALISADE_HEALTH_PORT: port,
        PALISADE_KEY_DIR: join(config.dataDir, 'keys'),
        PALISADE_KEK: config.passedOn.PALISADE_KEK,
        PALISADE_KEK_PREVIOUS: config.passedOn.PALISADE_KEK_PREVIOUS,
        PALISADE_HEADS_FILE: config.headsFile,
        PALISADE_HEADS_WEBHOOK: config.passedOn.PALISADE_HEADS_WEBHOOK,
        PALISADE_TELEPHONY_URL: config.passedOn.PALISADE_TELEPHONY_URL,
        PALISADE_TELEPHONY_SECRET: config.passedOn.PALISADE_TELEPHONY_SECRET,
        PALISADE_ALLOW_PRIVATE_TARGETS: config.passedOn.PALISADE_ALLOW_PRIVATE_TARGETS,
      };
    case 'activity-monitor':
      return {
        PALISADE_HOST: '127.0.0.1',
        PALISADE_HEALTH_PORT: port,
        PALISADE_LEDGER_RETENTION_MONTHS: config.passedOn.PALISADE_LEDGER_RETENTION_MONTHS,
      };
    case 'access-gateway':
      return {
        PALISADE_HOST: config.host,
        PALISADE_PORT: port,
        PALISADE_TRUSTED_PROXIES: config.passedOn.PALISADE_TRUSTED_PROXIES,
        PALISADE_ALLOW_PRIVATE_TARGETS: config.passedOn.PALISADE_ALLOW_PRIVATE_TARGETS,
        PALISADE_DATABASE_ANSWER_MS: config.passedOn.PALISADE_DATABASE_ANSWER_MS,
        PALISADE_GATEWAY_KEY_DIR: join(config.dataDir, 'gateway-keys'),
        PALISADE_FACTOR_KEY: config.passedOn.PALISADE_FACTOR_KEY,
        PALISADE_ADMIN_EMAIL: context.firstAdministrator?.email,
        PALISADE_ADMIN_PASSWORD: context.firstAdministrator?.password,
      };
    case 'lead-ingest':
      return {
        PALISADE_HOST: config.host,
        PALISADE_PORT: port,
        PALISADE_SPOOL_DIR: join(config.dataDir, 'spool', String(instance)),
        PALISADE_TRUSTED_PROXIES: config.passedOn.PALISADE_TRUSTED_PROXIES,
        PALISADE_FORM_RATE: config.passedOn.PALISADE_FORM_RATE,
        PALISADE_FORM_TOTAL_RATE: config.passedOn.PALISADE_FORM_TOTAL_RATE,
        PALISADE_RUSH_PAUSE_MS: config.passedOn.PALISADE_RUSH_PAUSE_MS,
      };
  }
}

function publicPort(service: Service, instance: number, config: StartConfig): number | undefined {
  if (service === 'access-gateway') return config.gatewayPorts[instance];
  if (service === 'lead-ingest') return config.ingestPorts[instance];
  return undefined;
}

function healthPort(name: string, { healthPorts }: ServiceContext): number {
  const port = healthPorts[name];
  if (port === undefined) throw new Error(`no health port was taken for ${name}`);
  return port;
}

/** The address under which this machine reaches a server bound to `host`. */
export function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function defined(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
