import pg from 'pg';
import type { Secret } from '#kernel';
import { Batches } from '#platform';

/** A database that does not answer within these has no command done either: the client is told to come again. */
const CONNECT_WITHIN_MS = 800;
const ANSWER_WITHIN_MS = 2_000;

/** Ends the holding of one command. */
export type Release = () => void;

type How = 'pg_try_advisory_lock' | 'pg_advisory_unlock';
/** One connection, and what is asked of it at the same time: one statement for all. */
interface Session {
  readonly client: pg.Client;
  readonly asks: Readonly<Record<How, Batches<string, boolean>>>;
}

/**
 * Which commands with an Idempotency-Key are being carried out now, over all cores: a session lock each, on one connection of this
 * core, so that a core that dies blocks nobody. It tells a repeat that the first still runs; that a command is done once is the
 * affair of `es.append`. Commands without a key never come here.
 */
export class RunningCommands {
  /** Those of this core: the locks of one session do not exclude each other. */
  readonly #own = new Set<string>();
  /** Those whose end is on its way to the database. */
  readonly #ending = new Map<string, Promise<void>>();
  #session: Promise<Session> | undefined;
  /** What `#session` resolved to. */
  #live: Session | undefined;

  constructor(
    private readonly databaseUrl: Secret<string>,
    private readonly instance: string,
  ) {}

  /** Holds a command until it is released; undefined when somebody carries it out. Throws the database's error when it is away. */
  async hold(commandId: string): Promise<Release | undefined> {
    await this.#ending.get(commandId);
    if (this.#own.has(commandId)) return undefined;
    this.#own.add(commandId);
    try {
      const session = await this.#lock(commandId);
      if (session !== undefined) return () => void this.#ending.set(commandId, this.#release(session, commandId));
      this.#own.delete(commandId);
      return undefined;
    } catch (error) {
      this.#own.delete(commandId);
      throw error;
    }
  }

  /** Ends the session, and with it every lock. Nest calls it when core stops. */
  async onModuleDestroy(): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    await session?.client.end().catch(() => undefined);
  }

  /** The session that has the lock; undefined when another one has it. A connection that was lost just now is made anew, once. */
  async #lock(commandId: string): Promise<Session | undefined> {
    for (let left = 1; ; left -= 1) {
      const session = await this.#connected();
      try {
        return (await session.asks.pg_try_advisory_lock.ask(lockName(commandId))) ? session : undefined;
      } catch (error) {
        const isLost = this.#live !== session;
        // What a silent connection still holds is not known: it goes, with all its locks.
        this.#forget(session);
        if (!isLost || left === 0) throw error;
      }
    }
  }

  /** Not waited for by the answer: a repeat that comes before finds the outcome. */
  async #release(session: Session, commandId: string): Promise<void> {
    await session.asks.pg_advisory_unlock.ask(lockName(commandId)).catch(() => this.#forget(session));
    this.#own.delete(commandId);
    this.#ending.delete(commandId);
  }

  #connected(): Promise<Session> {
    this.#session ??= this.#connect().catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }

  async #connect(): Promise<Session> {
    const client = new pg.Client({
      connectionString: this.databaseUrl.expose(),
      application_name: `crm-core-${this.instance}-running`,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      query_timeout: ANSWER_WITHIN_MS,
      keepAlive: true,
    });
    const asks = (how: How): Batches<string, boolean> => {
      const together = (names: readonly string[]): Promise<readonly boolean[]> => askedOf(client, how, names);
      return new Batches({ alone: async (name) => (await together([name]))[0] === true, together, atOnce: 1 });
    };
    const session = {
      client,
      asks: { pg_try_advisory_lock: asks('pg_try_advisory_lock'), pg_advisory_unlock: asks('pg_advisory_unlock') },
    };
    client.on('error', () => this.#forget(session));
    client.on('end', () => this.#forget(session));
    await client.connect();
    this.#live = session;
    return session;
  }

  #forget(session: Session): void {
    if (this.#live !== session) return;
    this.#live = undefined;
    this.#session = undefined;
    session.client.end().catch(() => undefined);
  }
}

const lockName = (commandId: string): string => `running:${commandId}`;

/** Of each lock, in the order of their names, whether it was done. Throws the database's error. */
async function askedOf(client: pg.Client, how: How, names: readonly string[]): Promise<readonly boolean[]> {
  const { rows } = await client.query<{ done: boolean[] }>({
    name: how,
    text: `SELECT ARRAY(SELECT ${how}(hashtextextended(l.name, 0)) FROM unnest($1::text[]) AS l(name)) AS done`,
    values: [names],
  });
  return rows[0]?.done ?? [];
}
