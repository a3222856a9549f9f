import { joinedUuidArray, uuidArray } from '../database/uuid-array.js';
import { Values } from './record-sql.js';

/** One value of one request, of a column that all requests of a statement have. */
interface Placed {
  readonly value: unknown;
  /** PostgreSQL's name of its type. */
  readonly type: string;
}

/**
 * Values of one request among several in one statement. The text names columns of `asked` in place of numbers, so that requests that are
 * alike have one text: each value is a column, each request a row. An array is a slice of all requests' arrays end to end.
 */
export class PlacedValues extends Values {
  readonly placed: Placed[] = [];

  override add(value: unknown, type: string): string {
    const column = this.placed.push({ value, type });
    return type.endsWith('[]') ? `($${column}::${type})[asked.from_${column} : asked.v_${column}]` : `asked.v_${column}`;
  }
}

/** An array whose length the planner does not see: else it would take few requests for worth a plan of their own, each time. */
const hidden = (index: number, type: string): string => `(SELECT $${index}::${type})`;

/**
 * The rows that `PlacedValues` speak of, as a query: `asked`, with `place` from 1; and the values of the statement. All of `requests` have
 * the same columns.
 */
export function askedRows(requests: readonly (readonly Placed[])[]): {
  readonly sql: string;
  readonly values: readonly unknown[];
} {
  const values: unknown[] = [];
  const [sources, names]: [string[], string[]] = [[], []];
  const first = requests[0] ?? [];
  const further: (() => void)[] = [];
  for (const [index, { type }] of first.entries()) {
    const column = requests.map((request) => request[index]?.value ?? null);
    if (!type.endsWith('[]')) {
      values.push(type === 'uuid' ? uuidArray(column as readonly (string | null)[]) : column);
      sources.push(hidden(index + 1, `${type}[]`));
      names.push(`v_${index + 1}`);
      continue;
    }
    const arrays = column as readonly (readonly unknown[] | null)[];
    const given = arrays.filter((array) => array !== null);
    values.push(type === 'uuid[]' ? joinedUuidArray(given as readonly (readonly string[])[]) : given.flat());
    further.push(() => {
      let end = 0;
      const bounds = arrays.map((array) => (array === null ? null : ([end + 1, (end += array.length)] as const)));
      values.push(
        bounds.map((bound) => bound?.[0] ?? null),
        bounds.map((bound) => bound?.[1] ?? null),
      );
      sources.push(hidden(values.length - 1, 'integer[]'), hidden(values.length, 'integer[]'));
      names.push(`from_${index + 1}`, `v_${index + 1}`);
    });
  }
  // After the columns themselves, whose numbers the text knows.
  for (const push of further) push();
  const sql = `SELECT * FROM unnest(${sources.join(', ')}) WITH ORDINALITY AS asked(${names.join(', ')}, place)`;
  return { sql, values };
}
