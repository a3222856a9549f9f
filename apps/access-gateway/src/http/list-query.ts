import { z } from 'zod';
import { DomainError } from '#kernel';

/** One page of a list as answered. `nextCursor` is null on the last one. */
export interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

/** `Page` and its query parameters for the OpenAPI document. */
export const pageSchema = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });
export const pageQuerySchema = z.object({
  limit: z.int().min(1).max(200).default(50).optional(),
  cursor: z.string().optional(),
});

/** One page of a list as asked for. The other parameters are the route's own. */
export interface PageRequest {
  /** 1 to 200, 50 by default. */
  readonly limit: number;
  readonly cursor: string | null;
  /** Every other parameter, each given once. */
  readonly rest: ReadonlyMap<string, string>;
}

const MAX_LIMIT = 200;
const DEFAULT_LIMIT = 50;

/**
 * Reads `limit` and `cursor`. Throws `validation-failed` on a limit out of range, `unknown-filter` on a parameter given twice
 * (which of the two would hold is nobody's guess).
 */
export function parsePage(query: unknown): PageRequest {
  const rest = new Map<string, string>();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (typeof value !== 'string') throw new DomainError('unknown-filter', { detail: 'Give each parameter once.' });
    rest.set(name, value);
  }
  const limit = rest.get('limit');
  const cursor = rest.get('cursor') ?? null;
  rest.delete('limit');
  rest.delete('cursor');
  return { limit: parseLimit(limit), cursor, rest };
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new DomainError('validation-failed', {
    errors: [{ path: 'limit', code: 'out-of-range', message: `Give a whole number from 1 to ${MAX_LIMIT}.` }],
  });
}

/** Throws `unknown-filter` when parameters are left that the route does not know. */
export function refuseUnknown(rest: ReadonlyMap<string, string>, known: readonly string[] = []): void {
  for (const name of rest.keys()) if (!known.includes(name)) throw new DomainError('unknown-filter');
}

/** A cursor for the client: opaque to him, base64url of JSON to us. It holds sort keys of the last row and is no secret. */
export function encodeCursor(keys: unknown): string {
  return Buffer.from(JSON.stringify(keys), 'utf8').toString('base64url');
}

/** What `encodeCursor` was given, checked by the schema as any input from outside. Throws `invalid-cursor`. */
export function decodeCursor<T extends z.ZodType>(cursor: string, schema: T): z.infer<T> {
  if (cursor.length > 1_000 || !/^[A-Za-z0-9_-]+$/.test(cursor)) throw new DomainError('invalid-cursor');
  let keys: unknown;
  try {
    keys = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(cursor, 'base64url')));
  } catch {
    throw new DomainError('invalid-cursor');
  }
  const result = schema.safeParse(keys);
  if (!result.success) throw new DomainError('invalid-cursor');
  return result.data;
}

/** Cuts the page out of `limit + 1` rows and makes the cursor of the next one. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  toKeys: (row: Row) => unknown,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(toItem),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(toKeys(last)) : null,
  };
}
