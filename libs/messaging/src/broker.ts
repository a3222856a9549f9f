import { connect, type NatsConnection } from '@nats-io/transport-node';
import { DomainError, type Secret } from '#kernel';
import { types } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { jittered, reconnecting } from './reconnecting.js';

const PING_INTERVAL_MS = 2_000;
const HANDSHAKE_TIMEOUT_MS = 2_000;
const DRAIN_LIMIT_MS = 2_000;

/** What the connection reports: an event's name and harmless fields, never a payload or a subject. */
export type BrokerLog = (
  event:
    | 'broker-connected'
    | 'broker-disconnected'
    | 'broker-error'
    | 'consumer-interrupted'
    | 'fact-refused'
    | 'fact-not-erased'
    | 'fact-not-set-aside'
    | 'consumer-stalled',
  fields: Readonly<Record<string, string | number>>,
) => void;

export interface BrokerOptions {
  /** `nats://host:port`, or several with commas. */
  readonly url: string;
  readonly user: string;
  readonly password: Secret<string>;
  /** Shown by the server's monitoring: service and instance. */
  readonly name: string;
  readonly log?: BrokerLog;
}

/** The refusal of everything that needs the broker while it is away; worth repeating after a second. */
export function brokerUnavailable(): DomainError {
  return new DomainError('dependency-unavailable', { detail: 'the message broker does not answer', retryAfterSeconds: 1 });
}

/** Reduces an error to words that may be logged: a class and a code, never its message. */
export function reasonOf(error: unknown): string {
  if (error instanceof DomainError) return error.code;
  if (!types.isNativeError(error)) return 'unknown';
  const code: unknown = (error as { code?: unknown }).code;
  return [error.name, code].filter(isWord).join(' ') || 'Error';
}

function isWord(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^([A-Za-z][A-Za-z0-9_-]{0,63}|[0-9A-Z]{5})$/.test(value));
}

/**
 * One connection to the broker that looks for the server for ever, from the start on: services run without it.
 * `connected` fails fast while it is away, `connection` waits.
 */
export class Broker {
  readonly #options: BrokerOptions;
  readonly #closing = new AbortController();
  readonly #connectedListeners = new Set<() => void>();
  readonly #disconnectedListeners = new Set<() => void>();
  readonly #running: Promise<void>;
  #current: NatsConnection | undefined;
  #isConnected = false;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** True while the server answers; a silent one is noticed within three ping intervals (6 s), a closed socket at once. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  get log(): BrokerLog {
    return this.#options.log ?? (() => undefined);
  }

  /** The first word of the inboxes that this client alone may read. */
  get inboxPrefix(): string {
    return `_INBOX_${this.#options.user}`;
  }

  /** The live connection. Throws DomainError `dependency-unavailable` at once when there is none. */
  get connected(): NatsConnection {
    if (!this.#isConnected || this.#current === undefined) throw brokerUnavailable();
    return this.#current;
  }

  /** Waits for a live connection, for ever. Rejects with DomainError `dependency-unavailable` when the broker is closed or `signal` aborts. */
  connection(signal?: AbortSignal): Promise<NatsConnection> {
    if (this.#isConnected && this.#current !== undefined) return Promise.resolve(this.#current);
    return new Promise((resolve, reject) => {
      const ends = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
      const settle = (): void => {
        unlisten();
        for (const end of ends) end.removeEventListener('abort', settle);
        if (this.#isConnected && this.#current !== undefined) resolve(this.#current);
        else reject(brokerUnavailable());
      };
      const unlisten = this.onConnected(settle);
      for (const end of ends) end.addEventListener('abort', settle);
      if (ends.some((end) => end.aborted)) settle();
    });
  }

  /** Calls `listener` at every connect and reconnect from now on; returns how to stop. */
  onConnected(listener: () => void): () => void {
    this.#connectedListeners.add(listener);
    return () => this.#connectedListeners.delete(listener);
  }

  /** Calls `listener` whenever the connection is lost; returns how to stop. */
  onDisconnected(listener: () => void): () => void {
    this.#disconnectedListeners.add(listener);
    return () => this.#disconnectedListeners.delete(listener);
  }

  /** Round trip to the server in milliseconds. Rejects with DomainError `dependency-unavailable` after `limitMs`, or at once when disconnected. */
  async roundTripMs(limitMs = 500): Promise<number> {
    const answer = this.connected.rtt().catch(() => undefined);
    const limit = new AbortController();
    const outcome = await Promise.race([answer, sleep(limitMs, undefined, { signal: limit.signal }).catch(() => undefined)]);
    limit.abort();
    if (outcome === undefined) throw brokerUnavailable();
    return outcome;
  }

  /** Sends what is under way and closes, within 2 s. */
  async close(): Promise<void> {
    this.#closing.abort();
    const current = this.#current;
    if (current !== undefined && !current.isClosed()) {
      if (this.#isConnected) {
        const limit = new AbortController();
        const drained = current.drain().catch(() => undefined);
        await Promise.race([drained, sleep(DRAIN_LIMIT_MS, undefined, { signal: limit.signal }).catch(() => undefined)]);
        limit.abort();
      }
      await current.close().catch(() => undefined);
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        // No `waitOnFirstConnect`: nats.js could not be stopped while it waits, so the first connect is repeated here.
        const connection = await connect(this.#connectOptions());
        this.#current = connection;
        if (this.#closing.signal.aborted) await connection.close();
        else await this.#follow(connection);
      } catch (error) {
        this.log('broker-error', { reason: reasonOf(error) });
      }
      this.#lost();
      await sleep(jittered(), undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  #connectOptions(): Parameters<typeof connect>[0] {
    const { url, user, password, name } = this.#options;
    return {
      servers: url.split(','),
      user,
      pass: password.expose(),
      name,
      inboxPrefix: this.inboxPrefix,
      timeout: HANDSHAKE_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: 2,
      ...reconnecting(),
      ignoreAuthErrorAbort: true,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
    };
  }

  async #follow(connection: NatsConnection): Promise<void> {
    const statuses = connection.status();
    this.#gained();
    for await (const status of statuses) {
      if (status.type === 'disconnect') this.#lost();
      else if (status.type === 'reconnect') this.#gained();
      else if (status.type === 'error') this.log('broker-error', { reason: status.error.name });
    }
  }

  #gained(): void {
    this.#isConnected = true;
    this.log('broker-connected', {});
    for (const listener of [...this.#connectedListeners]) listener();
  }

  #lost(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.log('broker-disconnected', {});
    for (const listener of [...this.#disconnectedListeners]) listener();
  }
}

/** Starts to look for the broker and returns at once: a service starts without it. */
export function startBroker(options: BrokerOptions): Broker {
  return new Broker(options);
}

/** `startBroker`, and waits until the server has answered (for ever: bound it with `signal`). */
export async function connectBroker(options: BrokerOptions, signal?: AbortSignal): Promise<Broker> {
  const broker = startBroker(options);
  try {
    await broker.connection(signal);
    return broker;
  } catch (error) {
    await broker.close();
    throw error;
  }
}
