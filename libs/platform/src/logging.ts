import { types } from 'node:util';
import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream } from 'pino';
import type { BrokerLog } from '#messaging';
import { Secret } from '#kernel';
import type { LogLevel } from './config.js';
import { reduceError } from './error-reduction.js';

/** Fields of a log line: plain values and errors. Objects are not written, so no body, header or row gets in by accident. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes JSON lines. `message` is a fixed text of the program; what varies goes into fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  readonly service: string;
  readonly instance: string;
  readonly level: LogLevel;
  /** Default: stdout. */
  readonly destination?: DestinationStream;
}

/** A logger of one process. Errors in fields are reduced to names, codes and frames (see `reduceError`). */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service, instance: options.instance },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    messageKey: 'message',
  };
  const sink = options.destination === undefined ? pino(settings) : pino(settings, options.destination);
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (sink.isLevelEnabled(level)) sink[level](safeFields(fields), message);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), fatal: write('fatal') };
}

function safeFields(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, name === 'error' ? reduceError(value) : safeValue(value)]),
  );
}

function safeValue(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return typeof value === 'bigint' ? value.toString() : value;
  if (types.isNativeError(value)) return reduceError(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Secret) return '[secret]';
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number')) return value;
  return '[object]';
}

/** Where Nest reports why an application could not be built; its texts speak of classes and modules only. */
const START_CONTEXT = 'ExceptionHandler';

/** Nest's own log through ours. Texts of runtime errors are left out: they may quote what a client or a store sent. */
export function nestLogger(logger: Logger): LoggerService {
  const contextOf = (params: readonly unknown[]): string => {
    const last = params.at(-1);
    return typeof last === 'string' && /^[A-Za-z]{1,64}$/.test(last) ? last : 'Nest';
  };
  const fail =
    (level: 'warn' | 'error' | 'fatal') =>
    (message: unknown, ...params: unknown[]): void => {
      const context = contextOf(params);
      if (context === START_CONTEXT && typeof message === 'string') logger[level](message, { context });
      else logger[level]('framework reported an error', { context, ...(types.isNativeError(message) ? { error: message } : {}) });
    };
  const tell = (message: unknown, ...params: unknown[]): void => {
    if (typeof message === 'string') logger.debug(message, { context: contextOf(params) });
  };
  return { log: tell, debug: tell, verbose: tell, warn: fail('warn'), error: fail('error'), fatal: fail('fatal') };
}

/** The broker's events as log lines. */
export function brokerLog(logger: Logger): BrokerLog {
  return (event, fields) => (event === 'broker-connected' ? logger.info(event, fields) : logger.warn(event, fields));
}
