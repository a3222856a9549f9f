import { types as nodeTypes } from 'node:util';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { DomainError, type Secret } from '#kernel';
import type { Logger } from './logging.js';

const { types } = pg;
const { isNativeError } = nodeTypes;

/** Object ids of PostgreSQL's built-in types (pg_type.dat). */
const INT8 = 20;
const INT8_ARRAY = 1016;
const DATE = 1082;
/** pg-types lists single types only; its arrays of int8 it knows all the same. */
const parserOf = types.getTypeParser as (oid: number, format: 'text' | 'binary') => (value: string) => unknown;
const int8ArrayOfText = parserOf(INT8_ARRAY, 'text') as (value: string) => (string | null)[];

export interface PoolOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly connectionString: Secret<string>;
  readonly max: number;
  /** Shown in pg_stat_activity: service and instance. */
  readonly applicationName: string;
  /** Sends queries of one connection without waiting for the answers of those before (pg 8.23). */
  readonly pipeline?: boolean;
  /** The server ends a statement after so long; default 10 s. */
  readonly statementTimeoutMs?: number;
  /** The client gives up on a server that does not answer after so long; default: statement timeout and a second. */
  readonly queryTimeoutMs?: number;
  /** No free connection within so long is an error; default 800 ms, so that a request is refused within a second. */
  readonly connectWithinMs?: number;
  readonly logger?: Logger;
}

/**
 * A pool of connections. That none is free within the time given is an error (`isUnavailable`). `int8` is a number (a RangeError beyond 2^53), `numeric` and `date` stay text, `timestamptz` is a Date.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const statementTimeout = options.statementTimeoutMs ?? 10_000;
  const pool = new pg.Pool({
    connectionString: options.connectionString.expose(),
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectWithinMs ?? 800,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeout,
    query_timeout: options.queryTimeoutMs ?? statementTimeout + 1_000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    types: { getTypeParser },
    ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }),
  });
  const report = (error: unknown): void => options.logger?.warn('database connection lost', { error });
  pool.on('error', report);
  // A connection that breaks while it is lent out emits on the client; unheard it would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

const getTypeParser: typeof types.getTypeParser = ((oid: number, format?: 'text' | 'binary') => {
  if (format === 'binary') return parserOf(oid, 'binary');
  if (oid === INT8) return safeInteger;
  if (oid === INT8_ARRAY)
    return (value: string) => int8ArrayOfText(value).map((item) => (item === null ? null : safeInteger(item)));
  if (oid === DATE) return (value: string) => value;
  return parserOf(oid, 'text');
}) as typeof types.getTypeParser;

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('an int8 beyond 2^53 cannot be a number');
  return value;
}

/** Kysely on a pool. Use `transaction().execute` only: a controlled transaction leaks its connection when BEGIN throws. */
export function kyselyOf<DB>(pool: pg.Pool): Kysely<DB> {
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);
/** SQLSTATE (PostgreSQL, appendix A): shutdowns, starting, no connections, cancelled by a timeout, out of disk or memory. */
const SERVER_CODES = new Set(['57P01', '57P02', '57P03', '57P05', '57014', '53000', '53100', '53200', '53300', '25P03', '25P04']);
/** pg and pg-pool give these no code. */
const CLIENT_MESSAGES = [
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'timeout expired',
  'Cannot use a pool after calling end on the pool',
];

/** True when the database is away, overloaded, restarting or too slow: nothing is wrong with the request, repeat it later. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof DomainError) return error.code === 'dependency-unavailable';
  if (!isNativeError(error)) return false;
  const code = (error as { code?: unknown }).code;
  if (error instanceof pg.DatabaseError) return typeof code === 'string' && (SERVER_CODES.has(code) || code.startsWith('08'));
  if (typeof code === 'string' && NETWORK_CODES.has(code)) return true;
  return CLIENT_MESSAGES.some((message) => error.message.startsWith(message)) || isUnavailable(error.cause);
}

/** The refusal that stands for `isUnavailable`. */
export function databaseUnavailable(): DomainError {
  return new DomainError('dependency-unavailable', { detail: 'the database does not answer', retryAfterSeconds: 1 });
}
