import type { Client } from 'pg';
import { open } from '#privacy';
import { AGGREGATES } from '../aggregates.js';
import { keyOwner } from '../log/aggregate.js';
import { pointPlace } from '../log/projection.js';
import { POINTS_TABLE, type BuiltTable } from '../log/row-origin.js';
import { READ_TABLES } from '../log/row-change.js';
import { alone, build, withSnapshot, type RebuildOptions } from './rebuild.js';
import { copyInto, COUNTED_TABLE } from './row-writer.js';
import { copyLine, COPY_OPTIONS } from './copy-text.js';
import { openSession } from './range-projection.js';
import { wrappedKeys, type LogKeys } from './stream-projector.js';
import { readShapes, type TableShape } from './table-shape.js';

/** Ids that are named of one kind of difference in one table. */
const NAMED_MAX = 20;
const FETCH = 2_000;

/** One table, held against what the log makes of it. Ids only: no value is ever shown. */
export interface Comparison {
  readonly table: BuiltTable;
  readonly liveRows: number;
  readonly builtRows: number;
  /** Rows that the log knows and the live table does not. */
  readonly missing: Differences;
  /** Rows of the live table that the log does not make. */
  readonly surplus: Differences;
  readonly different: Differences;
}
export interface Differences {
  readonly count: number;
  /** The first of them. */
  readonly ids: readonly string[];
}

/** True when nothing is missing, surplus or different. */
export const isEqual = ({ missing, surplus, different }: Comparison): boolean =>
  missing.count + surplus.count + different.count === 0;

/** Builds every read model from the log, beside the live ones and of the same snapshot, compares row for row and changes nothing. */
export async function verify(options: RebuildOptions): Promise<readonly Comparison[]> {
  return alone(options, (client) =>
    withSnapshot(client, async (snapshot, horizon) => {
      const shapes = await readShapes(client);
      const { counted } = await build(client, shapes, snapshot, horizon, options);
      const beside = await openSession(options.databaseUrl, 'rebuild-beside');
      try {
        const comparisons: Comparison[] = [];
        for (const shape of shapes.values()) {
          if (shape.table === COUNTED_TABLE) {
            await copyInto(beside, shape.beside, shape.columns, [copyLine(shape, counted.row)], COPY_OPTIONS);
          }
          await beside.query('BEGIN');
          comparisons.push(await compareTable(client, beside, shape, options.keys));
          await beside.query('COMMIT');
        }
        return comparisons;
      } finally {
        await beside.end();
      }
    }),
  );
}

interface SummedRow {
  readonly id: string;
  /** Of all columns that must be equal. */
  readonly sum: string;
  /** Of a point: its record and its sealed value, which is another each time it is sealed. */
  readonly owner: string | null;
  readonly sealed: string | null;
}

async function compareTable(live: Client, beside: Client, shape: TableShape, keys: LogKeys): Promise<Comparison> {
  const liveRows = await RowCursor.open(live, shape, shape.table);
  const builtRows = await RowCursor.open(beside, shape, shape.beside);
  const [missing, surplus, different] = [new Tally(), new Tally(), new Tally()];
  const sealedPairs: Array<readonly [SummedRow, SummedRow]> = [];
  const judgeSealed = async (): Promise<void> => {
    for (const id of await openDifferently(live, sealedPairs.splice(0), keys)) different.add(id);
  };
  let [left, right] = [await liveRows.next(), await builtRows.next()];
  while (left !== undefined || right !== undefined) {
    if (right === undefined || (left !== undefined && left.id < right.id)) {
      surplus.add(left?.id ?? '');
      left = await liveRows.next();
    } else if (left === undefined || right.id < left.id) {
      missing.add(right.id);
      right = await builtRows.next();
    } else {
      if (left.sum !== right.sum) different.add(left.id);
      else if (left.sealed !== null) sealedPairs.push([left, right]);
      if (sealedPairs.length >= FETCH) await judgeSealed();
      [left, right] = [await liveRows.next(), await builtRows.next()];
    }
  }
  await judgeSealed();
  return { table: shape.table, liveRows: liveRows.count, builtRows: builtRows.count, missing, surplus, different };
}

class Tally implements Differences {
  readonly ids: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(id: string): void {
    this.#count += 1;
    if (this.ids.length < NAMED_MAX) this.ids.push(id);
  }
}

/** Rows in the order of their ids, a piece at a time, in the transaction of the client. */
class RowCursor {
  count = 0;
  #rows: readonly SummedRow[] = [];
  #at = 0;
  #isOpen = true;

  private constructor(
    private readonly client: Client,
    private readonly name: string,
  ) {}

  static async open(client: Client, { table, columns }: TableShape, from: string): Promise<RowCursor> {
    const isPoints = table === POINTS_TABLE;
    const key = isPoints ? 'id' : READ_TABLES[table];
    const compared = isPoints ? columns.filter((name) => name !== 'sealed') : columns;
    const sum = `md5(ROW(${compared.map((name) => `"${name}"`).join(', ')})::text)`;
    const point = isPoints ? `record_type || '-' || record_id AS owner, sealed` : 'NULL AS owner, NULL AS sealed';
    const name = `rows_of_${table.replace('.', '_')}`;
    await client.query(
      `DECLARE ${name} NO SCROLL CURSOR FOR SELECT ${key}::text AS id, ${sum} AS sum, ${point} FROM ${from} ORDER BY ${key}`,
    );
    return new RowCursor(client, name);
  }

  async next(): Promise<SummedRow | undefined> {
    if (this.#at === this.#rows.length && this.#isOpen) {
      this.#rows = (await this.client.query<SummedRow>(`FETCH ${FETCH} FROM ${this.name}`)).rows;
      this.#at = 0;
      this.#isOpen = this.#rows.length === FETCH;
      if (!this.#isOpen) await this.client.query(`CLOSE ${this.name}`);
    }
    const row = this.#rows[this.#at];
    if (row === undefined) return undefined;
    this.#at += 1;
    this.count += 1;
    return row;
  }
}

/** Ids of the pairs whose sealed values do not open, each with its record's key, to the same. */
async function openDifferently(
  client: Client,
  pairs: ReadonlyArray<readonly [SummedRow, SummedRow]>,
  { wrapper }: LogKeys,
): Promise<readonly string[]> {
  const streams = [...new Set(pairs.map(([{ owner }]) => owner ?? ''))];
  if (streams.length === 0) return [];
  const erasing = [...AGGREGATES.values()].flatMap(({ erasedBy }) => erasedBy ?? []);
  const { rows } = await client.query<{ stream: string; times: number }>(
    `SELECT stream, count(*)::int AS times FROM es.events
     WHERE stream = ANY($1::text[]) AND type = ANY($2::text[]) GROUP BY stream`,
    [streams, erasing],
  );
  const erased = new Map(rows.map(({ stream, times }) => [stream, times]));
  const owners = new Map(streams.map((stream) => [stream, keyOwner(stream, erased.get(stream) ?? 0)]));
  const wrapped = await wrappedKeys(client, [...owners.values()]);
  const clear = ({ id, owner, sealed }: SummedRow): unknown => {
    const keyName = owners.get(owner ?? '') ?? '';
    const found = wrapped.get(keyName);
    return found === undefined ? undefined : open(wrapper.unwrap(found, keyName), sealed ?? '', pointPlace(owner ?? '', id));
  };
  return pairs.filter((pair) => !opensToSame(pair, clear)).map(([{ id }]) => id);
}

function opensToSame([one, other]: readonly [SummedRow, SummedRow], clear: (row: SummedRow) => unknown): boolean {
  try {
    const value = clear(one);
    return value !== undefined && value === clear(other);
  } catch {
    // It does not open at all: changed, moved, or sealed with another key.
    return false;
  }
}
