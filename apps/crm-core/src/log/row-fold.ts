import { FIRST_ROWS } from './row-origin.js';
import { READ_TABLES, type Columns, type ReadTable, type RowChange, type VaultPoint } from './row-change.js';

/** A point as its row in the vault. */
export interface PointRow extends VaultPoint {
  readonly recordType: 'contact' | 'company';
  readonly recordId: string;
  readonly kind: 'phone' | 'email';
}

/** What changes come to. */
export interface FoldedRows {
  /** By table and key: the rows there are at the end. */
  readonly rows: ReadonlyMap<ReadTable, ReadonlyMap<unknown, Columns>>;
  /** By table: the keys of rows that there are or once were. */
  readonly touched: ReadonlyMap<ReadTable, ReadonlySet<unknown>>;
  readonly points: readonly PointRow[];
  /** Records whose points there are or once were. */
  readonly pointRecords: ReadonlySet<string>;
  /** Owners of keys that were destroyed. */
  readonly destroyedKeys: readonly string[];
  /** How often gateways were told to read rights anew. */
  readonly raises: number;
}

/** Rows of read models in memory, as the changes of events make them: what the statements of an append do to the tables. */
export class RowFold {
  readonly #rows = new Map<ReadTable, Map<unknown, Columns>>();
  readonly #touched = new Map<ReadTable, Set<unknown>>();
  #points: PointRow[] = [];
  readonly #pointRecords = new Set<string>();
  readonly #destroyedKeys: string[] = [];
  #raises = 0;

  apply(change: RowChange): void {
    switch (change.kind) {
      case 'insert': {
        const key = change.row[READ_TABLES[change.table]];
        const rows = this.#touch(change.table, key);
        if (!rows.has(key)) rows.set(key, change.row);
        return;
      }
      case 'update':
        return this.#update(change);
      case 'remove':
        return void this.#touch(change.table, change.key).delete(change.key);
      case 'points':
        return this.#replacePoints(change);
      case 'destroy-key':
        return void this.#destroyedKeys.push(change.owner);
      case 'raise-authz':
        this.#raises += 1;
    }
  }

  /** The row as it stands now. */
  row(table: ReadTable, key: unknown): Columns | undefined {
    return this.#rows.get(table)?.get(key);
  }

  result(): FoldedRows {
    return {
      ...{ rows: this.#rows, touched: this.#touched, points: this.#points, pointRecords: this.#pointRecords },
      ...{ destroyedKeys: this.#destroyedKeys, raises: this.#raises },
    };
  }

  #update({ table, key, version, set, merge = {} }: Extract<RowChange, { kind: 'update' }>): void {
    const rows = this.#touch(table, key);
    const row = rows.get(key) ?? FIRST_ROWS[table];
    if (row === undefined || Number(row['version']) >= version) return;
    const merged = Object.entries(merge).map(([name, members]) => {
      const present = JSON.parse(String(row[name])) as Record<string, unknown>;
      return [name, JSON.stringify({ ...present, ...members })] as const;
    });
    rows.set(key, { ...row, ...set, ...Object.fromEntries(merged), version });
  }

  #replacePoints(change: Extract<RowChange, { kind: 'points' }>): void {
    const { recordType, recordId, pointKind: kind, points, isNew } = change;
    this.#pointRecords.add(recordId);
    const kept = isNew ? this.#points : this.#points.filter((point) => point.recordId !== recordId || point.kind !== kind);
    const ids = new Set(kept.map(({ id }) => id));
    const added = points.filter(({ id }) => !ids.has(id)).map((point) => ({ ...point, recordType, recordId, kind }));
    this.#points = [...kept, ...added];
  }

  #touch(table: ReadTable, key: unknown): Map<unknown, Columns> {
    const touched = this.#touched.get(table);
    if (touched === undefined) this.#touched.set(table, new Set([key]));
    else touched.add(key);
    let rows = this.#rows.get(table);
    if (rows === undefined) this.#rows.set(table, (rows = new Map<unknown, Columns>()));
    return rows;
  }
}
