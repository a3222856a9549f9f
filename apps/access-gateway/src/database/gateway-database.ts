import type { Kysely, Transaction } from 'kysely';
import type pg from 'pg';
import type { Secret } from '#kernel';
import { createPool, databaseUnavailable, isUnavailable, kyselyOf, type Logger } from '#platform';
import type { GatewaySchema } from './access-schema.js';

const STATEMENT_TIMEOUT_MS = 5_000;

export interface DatabaseOptions {
  readonly url: Secret<string>;
  /** Shown in pg_stat_activity: service and instance. */
  readonly name: string;
  readonly logger: Logger;
  readonly maxConnections?: number;
}

/**
 * The gateway's one way to PostgreSQL, as `palisade_gateway`. `db` for queries that are built, `query` for prepared statements on
 * hot paths. `bigint` comes as a number, `numeric` as text, times as Date.
 */
export class GatewayDatabase {
  readonly pool: pg.Pool;
  readonly db: Kysely<GatewaySchema>;

  constructor({ url, name, logger, maxConnections = 16 }: DatabaseOptions) {
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
   * One statement, prepared under its name when it has one; the name stands for one text for ever. Throws `dependency-unavailable` when the database does
   * not answer.
   */
  async query<Row extends pg.QueryResultRow>(name: string | undefined, text: string, values: readonly unknown[]): Promise<Row[]> {
    try {
      const result = await this.pool.query<Row>({ ...(name === undefined ? {} : { name }), text, values: [...values] });
      return result.rows;
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
