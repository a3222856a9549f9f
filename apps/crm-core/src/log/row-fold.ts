import { READ_TABLES, type Columns, type ReadTable, type RowChange } from './row-change.js';

/** Rows of read models in memory, as the changes of events make them: what the statements of an append do to the tables. */
export class RowFold {
  private readonly tables = new Map<ReadTable, Map<unknown, Columns>>();

  row(table: ReadTable, key: unknown): Columns | undefined {
    return this.tables.get(table)?.get(key);
  }

  apply(change: RowChange): void {
    switch (change.kind) {
      case 'insert': {
        const key = change.row[READ_TABLES[change.table]];
        if (this.row(change.table, key) === undefined) this.of(change.table).set(key, change.row);
        return;
      }
      case 'update': {
        const row = this.row(change.table, change.key);
        if (row === undefined || Number(row['version']) >= change.version) return;
        const merged = Object.entries(change.merge ?? {}).map(
          ([name, members]) => [name, mergedJson(row[name], members)] as const,
        );
        const set = { ...change.set, ...Object.fromEntries(merged), version: change.version };
        this.of(change.table).set(change.key, { ...row, ...set });
        return;
      }
      case 'remove':
        this.of(change.table).delete(change.key);
        return;
      case 'points':
      case 'destroy-key':
      case 'raise-authz':
        return;
    }
  }

  private of(table: ReadTable): Map<unknown, Columns> {
    const rows = this.tables.get(table) ?? new Map<unknown, Columns>();
    this.tables.set(table, rows);
    return rows;
  }
}

/** jsonb columns hold JSON text; `||` adds members. */
function mergedJson(text: unknown, members: Readonly<Record<string, unknown>>): string {
  const present = typeof text === 'string' ? (JSON.parse(text) as Record<string, unknown>) : {};
  return JSON.stringify({ ...present, ...members });
}
