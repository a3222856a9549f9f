import { join } from 'node:path';
import type { StartConfig } from './config.js';
import { loadSecrets, natsLogins, writeConnections, type Connections, type Secrets } from './connections.js';
import { keepPorts, lock, makeFolders, stopLeftOvers } from './data-directory.js';
import { setUpDatabase } from './database-roles.js';
import { firstSignIn } from './first-sign-in.js';
import { rotateLogs } from './log-files.js';
import { runMigrations } from './migrations.js';
import type { Progress } from './progress.js';
import { waitUntilReady } from './readiness.js';
import { checkExistingBroker } from './servers/external.js';
import { isPortFree } from './servers/free-port.js';
import { findNatsServer } from './servers/nats-binary.js';
import { NatsServer } from './servers/nats-server.js';
import { PostgresServer } from './servers/postgres-server.js';
import { endStuckBroker } from './servers/stuck-broker.js';
import { manageNats, managePostgres, manageService } from './managed.js';
import { instanceName, reachable, serviceInstances, type ServiceContext } from './services.js';
import { Supervisor } from './supervisor.js';

/** One installation under one data directory: servers, migrations and services, from nothing to ready and back. */
export class Installation {
  readonly #config: StartConfig;
  readonly #builtFolder: string;
  readonly #progress: Progress;
  readonly #supervisor: Supervisor;
  readonly #atTheEnd: Array<() => void> = [];
  #preparing: Promise<PostgresServer> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: StartConfig, builtFolder: string, progress: Progress) {
    this.#config = config;
    this.#builtFolder = builtFolder;
    this.#progress = progress;
    this.#supervisor = new Supervisor(config.dataDir, (line) => progress.say(`! ${line}`));
  }

  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** Resolves when every instance answers that it is ready. Rejects with what failed and what to do next. */
  async start(): Promise<void> {
    const { dataDir } = this.#config;
    makeFolders(dataDir);
    this.#atTheEnd.push(lock(dataDir));
    await stopLeftOvers(dataDir);
    await this.#checkPublicPorts();
    this.#atTheEnd.push(rotateLogs(join(dataDir, 'logs')));
    const secrets = loadSecrets(dataDir);
    const ports = await keepPorts(dataDir, ['postgres', 'nats', ...this.#healthNames()]);
    const [databaseUrl, natsUrl] = await Promise.all([
      this.#database(secrets, ports['postgres'] ?? 0),
      this.#broker(secrets, ports['nats'] ?? 0),
    ]);
    const connections = await this.#progress.step('roles and schemas', () => this.#connections(databaseUrl, natsUrl, secrets));
    await this.#services(connections, ports);
  }

  /** Stops everything this start began, in order. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  /** Ends everything at once. */
  kill(): void {
    this.#supervisor.kill();
    this.#atTheEnd.forEach((release) => release());
  }

  async #stopAll(): Promise<void> {
    try {
      // A cluster that is being made ends or fails by itself, and cleans up after itself.
      await this.#preparing?.catch(() => undefined);
      await this.#supervisor.stop();
    } finally {
      this.#atTheEnd.forEach((release) => release());
    }
  }

  async #database(secrets: Secrets, port: number): Promise<string> {
    if (this.#config.databaseUrl !== undefined) return this.#config.databaseUrl;
    const { dataDir } = this.#config;
    const server = await this.#progress.step('PostgreSQL', async () => {
      const options = {
        ...{ folder: join(dataDir, 'postgres'), port, superuserPassword: secrets.superuser },
        ...{ logFile: join(dataDir, 'logs', 'postgres.log'), detached: true },
      };
      this.#preparing = PostgresServer.prepare(options);
      const prepared = await this.#preparing;
      await this.#supervisor.keep(managePostgres(prepared));
      return prepared;
    });
    return server.url;
  }

  async #broker(secrets: Secrets, port: number): Promise<string> {
    const { natsUrl, dataDir } = this.#config;
    const users = natsLogins(secrets);
    if (natsUrl !== undefined) {
      await checkExistingBroker(natsUrl, users, dataDir);
      return natsUrl;
    }
    const server = await this.#progress.step('NATS', async () => {
      const program = await findNatsServer((line) => this.#progress.say(`  ${line}`));
      const made = new NatsServer({
        ...{ program, folder: join(dataDir, 'nats'), port, users },
        ...{ logFile: join(dataDir, 'logs', 'nats.log'), detached: true },
      });
      await this.#supervisor.keep(manageNats(made));
      this.#atTheEnd.push(endStuckBroker(made, (line) => this.#progress.say(`! ${line}`)));
      return made;
    });
    return server.url;
  }

  async #connections(databaseUrl: string, natsUrl: string, secrets: Secrets): Promise<Connections> {
    const database = await setUpDatabase(databaseUrl, secrets.roles).catch((error: Error) => {
      if (this.#config.databaseUrl === undefined) throw error;
      throw new Error(`PALISADE_DATABASE_URL: ${error.message}; it must be a superuser's, on PostgreSQL 17 or later`, {
        cause: error,
      });
    });
    const connections = { database, nats: { url: natsUrl, users: natsLogins(secrets) } };
    writeConnections(this.#config.dataDir, connections);
    return connections;
  }

  async #services(connections: Connections, healthPorts: Readonly<Record<string, number>>): Promise<void> {
    const signIn = firstSignIn(this.#config.dataDir, this.#config.administrator);
    const context: ServiceContext = {
      ...{ config: this.#config, connections, builtFolder: this.#builtFolder, healthPorts, ambient: process.env },
      ...(signIn.administrator === undefined ? {} : { firstAdministrator: signIn.administrator }),
    };
    await this.#progress.step('migrations', () => runMigrations(context, () => this.isStopping));
    if (this.isStopping) return;
    const instances = serviceInstances(context);
    await this.#progress.step('services', async () => {
      await Promise.all(instances.map((instance) => this.#supervisor.keep(manageService(instance))));
      await waitUntilReady(instances, this.#supervisor);
    });
    if (this.isStopping) return;
    this.#welcome(signIn.lines);
    signIn.printed();
    this.#progress.say('palisade ready');
  }

  #welcome(signInLines: readonly string[]): void {
    const { host, gatewayPorts, ingestPorts, ingestPortMoved, dataDir } = this.#config;
    const urls = (ports: readonly number[]): string => ports.map((port) => `http://${reachable(host)}:${port}`).join('  ');
    this.#progress.say(`\n  gateway  ${urls(gatewayPorts)}`);
    this.#progress.say(
      `  ingest   ${urls(ingestPorts)}${ingestPortMoved ? '   (behind the gateways, which take its usual port)' : ''}`,
    );
    this.#progress.say(`  data     ${dataDir}   (logs in ${join(dataDir, 'logs')})`);
    for (const line of signInLines) this.#progress.say(line);
  }

  async #checkPublicPorts(): Promise<void> {
    const { host, gatewayPorts, ingestPorts } = this.#config;
    const taken: string[] = [];
    for (const port of gatewayPorts) if (!(await isPortFree(port, host))) taken.push(`${port} (PALISADE_GATEWAY_PORT)`);
    for (const port of ingestPorts) if (!(await isPortFree(port, host))) taken.push(`${port} (PALISADE_INGEST_PORT)`);
    if (taken.length > 0) {
      throw new Error(
        `cannot listen on ${host} at ${taken.join(' and ')}: taken by another program; stop it or set another first port`,
      );
    }
  }

  #healthNames(): string[] {
    const { instances } = this.#config;
    return (['crm-core', 'activity-monitor'] as const).flatMap((service) =>
      Array.from({ length: instances[service] }, (_, index) => instanceName(service, index)),
    );
  }
}
