import { CompiledQuery, type Kysely, type QueryResult, type Transaction } from 'kysely';
import type { GatewaySchema } from '../database/access-schema.js';
import type { Sql } from '../records/record-sql.js';

/** A statement of the records' own making, for a transaction of the query builder. */
export function rawSql<Row>({ text, values }: Pick<Sql, 'text' | 'values'>): {
  execute(executor: Transaction<GatewaySchema> | Kysely<GatewaySchema>): Promise<QueryResult<Row>>;
} {
  return { execute: (executor) => executor.executeQuery<Row>(CompiledQuery.raw(text, [...values])) };
}
