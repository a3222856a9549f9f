import pg from 'pg';
import type { Secret } from '#kernel';
import type { Logger } from './logging.js';
import { restFor } from './rest.js';

const RETRY_MS = 500;
const HEARTBEAT_MS = 1_000;

export interface LeadershipOptions {
  readonly databaseUrl: Secret<string>;
  /** Who holds the lock of this name leads; instances that share it take turns. */
  readonly name: string;
  /** Runs while this instance leads. `signal` aborts when it leads no more: stop then, another may have begun. */
  readonly onAcquired: (signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

/** A standing candidacy. */
export interface Leadership {
  readonly isLeader: boolean;
  /** Aborts the work, waits for it, and gives the lock back. */
  stop(): Promise<void>;
}

/**
 * Lets one instance at a time work: a session lock in PostgreSQL on a connection of its own, tried every 500 ms. The lock ends with
 * the connection, so a dead leader blocks nobody. It is a courtesy, not a fence: for about 2 s after a cut connection two may
 * believe to lead, so writes need their own compare-and-set.
 */
export function holdLeadership(options: LeadershipOptions): Leadership {
  const stopping = new AbortController();
  const state = { isLeader: false };
  const ended = stand(options, state, stopping.signal);
  return {
    get isLeader() {
      return state.isLeader;
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function stand(options: LeadershipOptions, state: { isLeader: boolean }, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    try {
      await term(options, state, stopping);
    } catch (error) {
      options.logger.debug('leadership interrupted', { lock: options.name, error });
    }
    await restFor(RETRY_MS, stopping);
  }
}

/** One connection: waits for the lock on it, leads while it lives. */
async function term(options: LeadershipOptions, state: { isLeader: boolean }, stopping: AbortSignal): Promise<void> {
  const lost = new AbortController();
  const client = new pg.Client({
    connectionString: options.databaseUrl.expose(),
    application_name: `leader-${options.name}`,
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
    keepAlive: true,
  });
  client.on('error', () => lost.abort());
  client.on('end', () => lost.abort());
  try {
    await client.connect();
    if (!(await acquired(client, options.name, AbortSignal.any([lost.signal, stopping])))) return;
    state.isLeader = true;
    options.logger.info('leading', { lock: options.name });
    await lead(client, options, lost, stopping);
  } finally {
    state.isLeader = false;
    await client.end().catch(() => undefined);
  }
}

async function acquired(client: pg.Client, name: string, end: AbortSignal): Promise<boolean> {
  while (!end.aborted) {
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held', [
      name,
    ]);
    if (rows[0]?.held === true) return true;
    await restFor(RETRY_MS, end);
  }
  return false;
}

async function lead(client: pg.Client, options: LeadershipOptions, lost: AbortController, stopping: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([lost.signal, stopping]);
  const heartbeat = setInterval(() => void client.query('SELECT 1').catch(() => lost.abort()), HEARTBEAT_MS);
  try {
    await options.onAcquired(signal);
  } catch (error) {
    options.logger.error('the leader failed', { lock: options.name, error });
  } finally {
    clearInterval(heartbeat);
  }
}
