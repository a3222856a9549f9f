import type { Kysely, Transaction } from 'kysely';
import type pg from 'pg';
import type { Secret } from '#kernel';
import { createPool, databaseUnavailable, isUnavailable, kyselyOf, type Logger } from '#platform';
import type { GatewaySchema } from './access-schema.js';

const STATEMENT_TIMEOUT_MS = 5_000;
/** What a person waits for is refused after so long (a 503 within a second is what the API promises). */
export const ANSWER_WITHIN_MS = 900;

/** A query with a time of its own for the answer, in milliseconds (pg's client; its types leave it out). */
interface TimedQuery extends pg.QueryConfig {
  readonly query_timeout?: number;
}

export interface DatabaseOptions {
  readonly url: Secret<string>;
  /** Shown in pg_stat_activity: service and instance. */
  readonly name: string;
  readonly logger: Logger;
  readonly maxConnections?: number;
  /** Milliseconds for a statement that `promptly` runs; 900. */
  readonly answerWithinMs?: number;
}

/**
 * The gateway's one way to PostgreSQL, as `palisade_gateway`. `db` for queries that are built, `query` for prepared statements on
 * hot paths. `bigint` comes as a number, `numeric` as text, times as Date.
 */
export class GatewayDatabase {
  readonly pool: pg.Pool;
  readonly db: Kysely<GatewaySchema>;
  /** How long a person waits for the database at most, in milliseconds. */
  readonly answerWithinMs: number;

  constructor({ url, name, logger, maxConnections = 16, answerWithinMs = ANSWER_WITHIN_MS }: DatabaseOptions) {
    this.answerWithinMs = answerWithinMs;
    this.pool = createPool({
      connectionString: url,
      applicationName: name,
      max: maxConnections,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      logger,
    });
    this.db = kyselyOf<GatewaySchema>(this.pool);
  }

  /**
   * One statement, prepared under its name when it has one; the name stands for one text for ever. Throws `dependency-unavailable` when the
   * database does not answer.
   */
  query<Row extends pg.QueryResultRow>(name: string | undefined, text: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#run<Row>({ ...named(name), text, values: [...values] });
  }

  /**
   * The same for what stands between a request and its answer: a database that is slow or does not answer is refused within a second
   * (`answerWithinMs`). The statement may have its effect all the same: what is admitted then counts, and is not shown.
   */
  promptly<Row extends pg.QueryResultRow>(name: string | undefined, text: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#run<Row>({ ...named(name), text, values: [...values], query_timeout: this.answerWithinMs });
  }

  async #run<Row extends pg.QueryResultRow>(query: TimedQuery): Promise<Row[]> {
    try {
      return (await this.pool.query<Row>(query)).rows;
    } catch (error) {
      throw isUnavailable(error) ? databaseUnavailable() : error;
    }
  }

  /** One transaction; rolled back when `work` rejects, with what it rejected with. */
  transaction<T>(work: (trx: Transaction<GatewaySchema>) => Promise<T>): Promise<T> {
    return this.db.transaction().execute(work);
  }

  close(): Promise<void> {
    return this.db.destroy();
  }
}

function named(name: string | undefined): { readonly name?: string } {
  return name === undefined ? {} : { name };
}
