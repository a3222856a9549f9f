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
  /** By table: the keys of rows that once were, or were changed and never were. Some may be there again. */
  readonly gone: ReadonlyMap<ReadTable, ReadonlySet<unknown>>;
  readonly points: readonly PointRow[];
  /** Records whose points there are or once were. */
  readonly pointRecords: ReadonlySet<string>;
  /** Owners of keys that were destroyed. */
  readonly destroyedKeys: readonly string[];
  /** How often gateways were told to read rights anew. */
  readonly raises: number;
}

/** A row of the fold's own, which it changes in place. */
type Row = Record<string, unknown>;

function firstRow(table: ReadTable): Row | undefined {
  const first = FIRST_ROWS[table];
  return first === undefined ? undefined : { ...first };
}

/** Rows of read models in memory, as the changes of events make them: what the statements of an append do to the tables. */
export class RowFold {
  readonly #rows = new Map<ReadTable, Map<unknown, Row>>();
  /** Keys of rows that are not there any more, or never came to be. */
  readonly #gone = new Map<ReadTable, Set<unknown>>();
  #points: PointRow[] = [];
  readonly #pointRecords = new Set<string>();
  readonly #destroyedKeys: string[] = [];
  #raises = 0;

  apply(change: RowChange): void {
    switch (change.kind) {
      case 'insert': {
        const key = change.row[READ_TABLES[change.table]];
        const rows = this.#rowsOf(change.table);
        if (!rows.has(key)) rows.set(key, { ...change.row });
        return;
      }
      case 'update':
        return this.#update(change);
      case 'remove':
        return this.#remove(change.table, change.key);
      case 'points':
        return this.#replacePoints(change);
      case 'destroy-key':
        return void this.#destroyedKeys.push(change.owner);
      case 'raise-authz':
        this.#raises += 1;
    }
  }

  /** The row as it stands now; later changes leave it as it is. */
  row(table: ReadTable, key: unknown): Columns | undefined {
    const row = this.#rows.get(table)?.get(key);
    return row === undefined ? undefined : { ...row };
  }

  result(): FoldedRows {
    return {
      rows: this.#rows,
      gone: this.#gone,
      points: this.#points,
      pointRecords: this.#pointRecords,
      destroyedKeys: this.#destroyedKeys,
      raises: this.#raises,
    };
  }

  #update({ table, key, version, set, merge }: Extract<RowChange, { kind: 'update' }>): void {
    const rows = this.#rowsOf(table);
    const row = rows.get(key) ?? firstRow(table);
    if (row === undefined) return this.#remove(table, key);
    if (Number(row['version']) >= version) return;
    for (const [name, members] of merge === undefined ? [] : Object.entries(merge)) {
      const present = JSON.parse(String(row[name])) as Record<string, unknown>;
      row[name] = JSON.stringify({ ...present, ...members });
    }
    Object.assign(row, set);
    row['version'] = version;
    rows.set(key, row);
  }

  #replacePoints(change: Extract<RowChange, { kind: 'points' }>): void {
    const { recordType, recordId, pointKind: kind, points, isNew } = change;
    this.#pointRecords.add(recordId);
    const kept = isNew ? this.#points : this.#points.filter((point) => point.recordId !== recordId || point.kind !== kind);
    const ids = kept.length === 0 ? undefined : new Set(kept.map(({ id }) => id));
    const added = points.filter(({ id }) => ids?.has(id) !== true).map((point) => ({ ...point, recordType, recordId, kind }));
    this.#points = [...kept, ...added];
  }

  #remove(table: ReadTable, key: unknown): void {
    this.#rows.get(table)?.delete(key);
    const gone = this.#gone.get(table);
    if (gone === undefined) this.#gone.set(table, new Set([key]));
    else gone.add(key);
  }

  #rowsOf(table: ReadTable): Map<unknown, Row> {
    let rows = this.#rows.get(table);
    if (rows === undefined) this.#rows.set(table, (rows = new Map<unknown, Row>()));
    return rows;
  }
}
