import type { ListRequest } from './list-request.js';
import type { RecordKind } from './record-kind.js';
import { listSql, type ListFilters, type Sql } from './record-sql.js';

/** Rows looked at first, and at most, in the order of the sort (some 5 ms and 40 ms where they are in memory). */
const FIRST_WALK = 5_000;
const LONGEST_WALK = 40_000;

/**
 * How many rows to walk when so many were found among so many, for the page to be full in all likelihood; null when collecting
 * all that match is the better way.
 */
export function nextWalk(found: number, walked: number, wanted: number): number | null {
  const expected = Math.ceil((2 * walked * wanted) / Math.max(found, 1));
  return found > 0 && expected <= LONGEST_WALK ? expected : null;
}

/**
 * The rows of a page found by words. Frequent words are met within the first rows, and a page that is full is right however it was
 * found; rare ones are collected. Either way costs little; the other way for each costs a walk through the table, or a sort of half
 * of it.
 */
export async function searchRows<Row>(
  kind: RecordKind,
  request: ListRequest,
  filters: ListFilters,
  run: (sql: Sql) => Promise<Row[]>,
): Promise<Row[]> {
  if (request.words?.length === 0) return [];
  const wanted = request.limit + 1;
  for (let rows: number | null = FIRST_WALK, last = 0; rows !== null && rows > last;) {
    const found: Row[] = await run(listSql(kind, request, filters, { kind: 'walked', rows }));
    if (found.length === wanted) return found;
    // One longer walk at most: what a second one does not fill was no even sample.
    const next: number | null = last === 0 ? nextWalk(found.length, rows, wanted) : null;
    last = rows;
    rows = next;
  }
  return run(listSql(kind, request, filters, { kind: 'collected' }));
}
