import { setTimeout as sleep } from 'node:timers/promises';
import { STREAMS, SUBJECTS, watchPartition, type WatchEvent } from '#contracts';
import type { Secret } from '#kernel';
import { publishFacts, type Broker, type OutgoingFact } from '#messaging';
import { holdLeadership, restFor, type Leadership, type Logger } from '#platform';
import type { GatewayDatabase } from '../database/gateway-database.js';

/** How long an idle relay waits before it looks again; rows of other instances are found so. */
const IDLE_MS = 100;
/** After a failure of broker or database. */
const RETRY_MS = 250;
const BATCH = 500;

interface OutboxRow {
  seq: number;
  payload: WatchEvent;
}

export interface WatchRelayOptions {
  readonly broker: Broker;
  readonly database: GatewayDatabase;
  readonly databaseUrl: Secret<string>;
  readonly logger: Logger;
}

/**
 * Moves rows of `watch.outbox` to the stream WATCH, one instance at a time, in the order of `seq`. A row goes once the stream
 * has confirmed it; a crash in between publishes it again under the same id. Beside the requests: while the broker is away rows
 * wait, and nobody waits for them.
 */
export class WatchRelay {
  readonly #options: WatchRelayOptions;
  #leadership: Leadership | undefined;
  #wake: () => void = () => undefined;
  #woken = false;
  /** A move of an instance that does not lead. */
  #beside: Promise<void> | undefined;

  constructor(options: WatchRelayOptions) {
    this.#options = options;
  }

  start(): void {
    const { databaseUrl, logger } = this.#options;
    this.#leadership = holdLeadership({ databaseUrl, name: 'watch-relay', logger, onAcquired: (signal) => this.#run(signal) });
  }

  async stop(): Promise<void> {
    await this.#leadership?.stop();
    await this.#beside;
  }

  /**
   * Call after a refusal: what it wrote is looked for now and not at the next poll. Where another instance leads, this one moves what there
   * is beside it, once at a time: each begins with the oldest row, under the rows' own ids, so the stream has them once and in order.
   */
  wake(): void {
    this.#woken = true;
    this.#wake();
    if (this.#leadership?.isLeader !== false || this.#beside !== undefined || !this.#options.broker.isConnected) return;
    this.#beside = this.#moveBeside().finally(() => (this.#beside = undefined));
  }

  async #moveBeside(): Promise<void> {
    try {
      await this.#move();
    } catch (error) {
      this.#options.logger.debug('what was refused is left to the instance that leads', { error });
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { broker, logger } = this.#options;
    while (!signal.aborted) {
      try {
        await broker.connection(signal);
        this.#woken = false;
        const { found, published } = await this.#move();
        if (published < found) await sleep(RETRY_MS, undefined, { signal });
        else if (found < BATCH) await this.#idle(signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.warn('the relay of views waits', { error });
        await restFor(RETRY_MS, signal);
      }
    }
  }

  async #move(): Promise<{ found: number; published: number }> {
    const { broker, database } = this.#options;
    const rows = await database.query<OutboxRow & Record<string, unknown>>(
      'outbox-next',
      `SELECT seq, payload FROM watch.outbox ORDER BY seq LIMIT ${BATCH}`,
      [],
    );
    if (rows.length === 0) return { found: 0, published: 0 };
    const published = await publishFacts(broker, rows.map(factOf), { expectedStream: STREAMS.watch.name });
    const done = rows.slice(0, published).map((row) => row.seq);
    if (done.length > 0) await database.query('outbox-done', 'DELETE FROM watch.outbox WHERE seq = ANY($1::bigint[])', [done]);
    return { found: rows.length, published };
  }

  async #idle(signal: AbortSignal): Promise<void> {
    if (this.#woken) return;
    const pause = new AbortController();
    this.#wake = () => pause.abort();
    await restFor(IDLE_MS, AbortSignal.any([signal, pause.signal]));
    this.#wake = () => undefined;
  }
}

function factOf({ payload }: OutboxRow): OutgoingFact {
  return {
    subject: SUBJECTS.watchEvent(watchPartition(payload.userId), payload.type),
    msgId: payload.id,
    payload,
  };
}
