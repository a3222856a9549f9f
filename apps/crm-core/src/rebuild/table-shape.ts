import type { ClientBase } from 'pg';
import { READ_TABLES } from '../log/row-change.js';
import { BUILT_TABLES, POINTS_TABLE, type BuiltTable } from '../log/row-origin.js';
import { RebuildRefused } from './rebuild-refused.js';

/** The schema of the tables that are built beside the live ones. */
export const BESIDE = 'rebuild';

/** A live table as the catalogue describes it. */
export interface TableShape {
  readonly table: BuiltTable;
  /** The table made beside it, with its schema. */
  readonly beside: string;
  /** In their order, without generated ones. */
  readonly columns: readonly string[];
  readonly withDefault: ReadonlySet<string>;
  /** By it the rows of a stream are removed. */
  readonly key: string;
  readonly keyType: string;
}
export type Shapes = ReadonlyMap<BuiltTable, TableShape>;

/** The table that is made beside a live one, in schema `rebuild`. */
const besideOf = (table: BuiltTable): string => `${BESIDE}.${table.slice(table.indexOf('.') + 1)}`;

/** Of all tables that are made of events. Throws `RebuildRefused` when one is missing: the migrations come first. */
export async function readShapes(client: ClientBase): Promise<Shapes> {
  const { rows } = await client.query<{ table: BuiltTable; column: string; type: string; filled: boolean }>(
    `SELECT t.name AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS "type",
       a.atthasdef AS filled
     FROM unnest($1::text[]) AS t(name) JOIN pg_attribute a ON a.attrelid = to_regclass(t.name)
     WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     ORDER BY t.name, a.attnum`,
    [BUILT_TABLES],
  );
  return new Map(
    BUILT_TABLES.map((table) => {
      const columns = rows.filter((row) => row.table === table);
      const key = table === POINTS_TABLE ? 'record_id' : READ_TABLES[table];
      const keyType = columns.find(({ column }) => column === key)?.type;
      if (keyType === undefined) throw new RebuildRefused(`${table} has no column ${key}; run the migrations first`);
      const names = columns.map(({ column }) => column);
      const withDefault = new Set(columns.filter(({ filled }) => filled).map(({ column }) => column));
      return [table, { table, beside: besideOf(table), columns: names, withDefault, key, keyType }];
    }),
  );
}
