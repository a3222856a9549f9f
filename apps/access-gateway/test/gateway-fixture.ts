import { request } from 'node:http';
import { hash } from '@node-rs/argon2';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { STREAMS, type SecuritySettings } from '#contracts';
import { Secret } from '#kernel';
import { provisionStreams, startBroker, type Broker } from '#messaging';
import { createLogger, readConfig } from '#platform';
import { testPool } from '#testing';
import { gatewayConfigSchema } from '../src/config.js';
import { startGateway, type Gateway } from '../src/gateway.js';

export const PASSWORD = 'a long enough password';
const FACTOR_KEY = Buffer.alloc(32, 7).toString('base64');
/** Cheap on purpose: what is verified is the way, not the cost. */
const passwordHash = hash(PASSWORD, { memoryCost: 8, timeCost: 1 });

/** The servers of a test as `#testing` gives them: a migrated database and a broker of its own. */
export interface GatewayServers {
  readonly database: Readonly<Record<'coreUrl' | 'gatewayUrl' | 'monitorUrl', string>>;
  readonly broker: {
    readonly url: string;
    readonly users: Readonly<Record<'core' | 'gateway' | 'monitor', { readonly password: string }>>;
  };
}
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Record<string, unknown>;
}
export interface Call {
  readonly token?: string;
  readonly body?: unknown;
  /** The address the client comes from; 127.0.0.1 by default. */
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly gateway?: Gateway;
}
export interface Person {
  readonly id: string;
  readonly email: string;
}

/** Gateways on real servers. People are rows of `read`, as core would write them. */
export class GatewayFixture {
  readonly #gateways: Gateway[] = [];

  private constructor(
    readonly servers: GatewayServers,
    readonly core: pg.Pool,
    readonly monitor: pg.Pool,
    readonly own: pg.Pool,
    readonly coreBroker: Broker,
    readonly monitorBroker: Broker,
  ) {}

  static async start(servers: GatewayServers): Promise<GatewayFixture> {
    const broker = (user: 'core' | 'monitor'): Broker =>
      startBroker({
        url: servers.broker.url,
        user,
        password: new Secret(servers.broker.users[user].password),
        name: `test-${user}`,
      });
    const { coreUrl, monitorUrl, gatewayUrl } = servers.database;
    const pools = [testPool(coreUrl, 2), testPool(monitorUrl, 2), testPool(gatewayUrl, 2)] as const;
    const fixture = new GatewayFixture(servers, ...pools, broker('core'), broker('monitor'));
    await Promise.all([fixture.coreBroker.connection(), fixture.monitorBroker.connection()]);
    await provisionStreams(
      fixture.coreBroker,
      Object.values(STREAMS).map(({ name, subjects }) => ({
        name,
        subjects: [...subjects],
        maxAgeMs: 3_600_000,
        duplicateWindowMs: 60_000,
      })),
    );
    return fixture;
  }

  async gateway(env: Readonly<Record<string, string>> = {}): Promise<Gateway> {
    const { database, broker } = this.servers;
    const config = readConfig(gatewayConfigSchema, {
      PALISADE_DATABASE_URL: database.gatewayUrl,
      PALISADE_NATS_URL: broker.url,
      PALISADE_NATS_USER: 'gateway',
      PALISADE_NATS_PASSWORD: broker.users.gateway.password,
      PALISADE_PORT: '0',
      PALISADE_HOST: '0.0.0.0',
      PALISADE_SERVICE_INSTANCE: String(this.#gateways.length),
      PALISADE_GATEWAY_POOL: '6',
      PALISADE_FACTOR_KEY: FACTOR_KEY,
      ...env,
    });
    const logger = createLogger({ service: 'access-gateway', instance: config.instance, level: 'fatal' });
    const gateway = await startGateway(config, logger);
    this.#gateways.push(gateway);
    return gateway;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#gateways.map((gateway) => gateway.stop()));
    await Promise.all([this.coreBroker.close(), this.monitorBroker.close()]);
    await Promise.all([this.core.end(), this.monitor.end(), this.own.end()]);
  }

  async person(facts: { isAdmin?: boolean; hasPassword?: boolean } = {}): Promise<Person> {
    const { isAdmin = false, hasPassword = true } = facts;
    const id = uuidv7();
    const email = `person-${id}@example.test`;
    await this.core.query(
      `INSERT INTO read.users (id, email, name, status, is_admin, created_at, updated_at, version)
       VALUES ($1, $2, 'Somebody', 'active', $3, now(), now(), 1)`,
      [id, email, isAdmin],
    );
    await this.core.query(
      `INSERT INTO read.principals (user_id, status, is_admin, epoch, epoch_since, version) VALUES ($1, 'active', $2, 0, now(), 1)`,
      [id, isAdmin],
    );
    if (hasPassword) {
      await this.own.query('INSERT INTO access.credentials (user_id, password_hash) VALUES ($1, $2)', [id, await passwordHash]);
    }
    await this.rightsChanged();
    return { id, email };
  }

  /** As core does in every append that changes a right. */
  async rightsChanged(): Promise<void> {
    await this.core.query('UPDATE read.security SET authz_version = authz_version + 1');
  }

  async settings(change: (settings: SecuritySettings) => SecuritySettings): Promise<void> {
    const { rows } = await this.core.query<{ settings: SecuritySettings }>('SELECT settings FROM read.security');
    const settings = JSON.stringify(change((rows[0] as { settings: SecuritySettings }).settings));
    await this.core.query('UPDATE read.security SET settings = $1, authz_version = authz_version + 1, version = version + 1', [
      settings,
    ]);
  }

  async standing(person: Person, change: { status?: string; epoch?: number }): Promise<void> {
    await this.core.query(
      'UPDATE read.principals SET status = coalesce($2, status), epoch = coalesce($3, epoch) WHERE user_id = $1',
      [person.id, change.status ?? null, change.epoch ?? null],
    );
    await this.rightsChanged();
  }

  async hold(person: Person): Promise<void> {
    await this.monitor.query(
      `INSERT INTO watch.holds (user_id, epoch, cause, at) SELECT user_id, epoch, '{}', now() FROM read.principals WHERE user_id = $1`,
      [person.id],
    );
  }

  async signIn(person: Person, call: Call = {}): Promise<string> {
    const answer = await this.call('POST', '/v1/sessions', { ...call, body: { email: person.email, password: PASSWORD } });
    if (answer.status !== 201) throw new Error(`sign-in answered ${answer.status}`);
    return String(answer.body['token']);
  }

  async call(method: string, path: string, call: Call = {}): Promise<Answer> {
    const { port } = new URL((call.gateway ?? (this.#gateways[0] as Gateway)).url);
    const body = call.body === undefined || typeof call.body === 'string' ? call.body : JSON.stringify(call.body);
    const headers = {
      ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
      // Node names no length by itself for a DELETE.
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
      ...call.headers,
    };
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          method,
          path,
          headers,
          agent: false,
          ...(call.from === undefined ? {} : { localAddress: call.from }),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: bodyOf(Buffer.concat(chunks).toString()),
            }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

function bodyOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
