import pg from 'pg';
import type { Secret } from '#kernel';

/** A database that does not answer within these has no command done either: the client is told to come again. */
const CONNECT_WITHIN_MS = 800;
const ANSWER_WITHIN_MS = 2_000;

/** Ends the holding of one command. */
export type Release = () => void;

/**
 * Which commands with an Idempotency-Key are being carried out now, over all cores: a session lock each, on one connection of this
 * core, so that a core that dies blocks nobody. It tells a repeat that the first still runs; that a command is done once is the
 * affair of `es.append`. Commands without a key never come here.
 */
export class RunningCommands {
  /** Those of this core: the locks of one session do not exclude each other. */
  readonly #own = new Set<string>();
  #session: Promise<pg.Client> | undefined;
  /** What `#session` resolved to. */
  #live: pg.Client | undefined;

  constructor(
    private readonly databaseUrl: Secret<string>,
    private readonly instance: string,
  ) {}

  /** Holds a command until it is released; undefined when somebody carries it out. Throws the database's error when it is away. */
  async hold(commandId: string): Promise<Release | undefined> {
    if (this.#own.has(commandId)) return undefined;
    this.#own.add(commandId);
    try {
      const session = await this.#connected();
      if (await this.#ask(session, 'pg_try_advisory_lock', commandId)) return () => void this.#release(session, commandId);
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
    await session?.end().catch(() => undefined);
  }

  /** Not waited for by the answer: a repeat that comes before finds the outcome. */
  async #release(session: pg.Client, commandId: string): Promise<void> {
    await this.#ask(session, 'pg_advisory_unlock', commandId).catch(() => undefined);
    this.#own.delete(commandId);
  }

  async #ask(session: pg.Client, how: 'pg_try_advisory_lock' | 'pg_advisory_unlock', commandId: string): Promise<boolean> {
    try {
      const { rows } = await session.query<{ done: boolean }>({
        name: how,
        text: `SELECT ${how}(hashtextextended($1, 0)) AS done`,
        values: [`running:${commandId}`],
      });
      return rows[0]?.done === true;
    } catch (error) {
      // What a silent connection still holds is not known: it goes, with all its locks.
      this.#forget(session);
      throw error;
    }
  }

  #connected(): Promise<pg.Client> {
    this.#session ??= this.#connect().catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }

  async #connect(): Promise<pg.Client> {
    const session = new pg.Client({
      connectionString: this.databaseUrl.expose(),
      application_name: `crm-core-${this.instance}-running`,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      query_timeout: ANSWER_WITHIN_MS,
      keepAlive: true,
    });
    session.on('error', () => this.#forget(session));
    session.on('end', () => this.#forget(session));
    await session.connect();
    this.#live = session;
    return session;
  }

  #forget(session: pg.Client): void {
    if (this.#live !== session) return;
    this.#live = undefined;
    this.#session = undefined;
    session.end().catch(() => undefined);
  }
}
