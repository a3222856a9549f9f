import { types } from 'node:util';
import pg from 'pg';
import { DomainError } from '#kernel';

const DEEPEST_CAUSE = 3;

/** What of an error may be written down. */
export interface ReducedError {
  readonly name: string;
  readonly code?: string | number;
  /** Of refusals only: theirs are written by us and hold no values. */
  readonly message?: string;
  readonly table?: string;
  readonly constraint?: string;
  readonly stack?: readonly string[];
  readonly cause?: ReducedError;
}

/**
 * Reduces anything thrown to what holds no stored value: names, codes and places in the code. Messages of foreign errors quote
 * their input (JSON.parse), rows (PostgreSQL's detail) or bodies (Fastify), so they are left out whole.
 */
export function reduceError(error: unknown, depth = 0): ReducedError {
  if (!types.isNativeError(error)) return { name: typeof error };
  const code = (error as { code?: unknown }).code;
  return {
    name: /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'Error',
    ...(isCode(code) ? { code } : {}),
    ...(error instanceof DomainError ? { message: error.message } : {}),
    ...(error instanceof pg.DatabaseError ? placeInSchema(error) : {}),
    ...(error instanceof DomainError ? {} : { stack: framesOf(error) }),
    ...(error.cause !== undefined && depth < DEEPEST_CAUSE ? { cause: reduceError(error.cause, depth + 1) } : {}),
  };
}

function isCode(code: unknown): code is string | number {
  return typeof code === 'number' || (typeof code === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(code));
}

function placeInSchema(error: pg.DatabaseError): { table?: string; constraint?: string } {
  return {
    ...(error.table === undefined ? {} : { table: error.table }),
    ...(error.constraint === undefined ? {} : { constraint: error.constraint }),
  };
}

/** The frames alone. The head of a stack repeats the message, which may have several lines, one of them made to look like a frame. */
function framesOf(error: Error): string[] {
  const stack = error.stack ?? '';
  const head = `${error.name}: ${error.message}`;
  const frames = stack.startsWith(head)
    ? stack.slice(head.length)
    : stack.includes(error.message) && error.message !== ''
      ? ''
      : stack;
  return frames
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^at .*(:\d+:\d+\)?|\(native\)|<anonymous>\)?)$/.test(line))
    .slice(0, 12);
}
