import type { Statement } from '#event-store';

/** Column names are fixed words of the projections, never input. jsonb columns hold JSON text, array columns arrays. */
export type Columns = Readonly<Record<string, unknown>>;

/** The tables of the read models, each with the column that names its row. */
export const READ_TABLES = {
  'read.contacts': 'id',
  'read.companies': 'id',
  'read.deals': 'id',
  'read.deal_attributions': 'deal_id',
  'read.pipelines': 'id',
  'read.custom_fields': 'id',
  'read.users': 'id',
  'read.principals': 'user_id',
  'read.roles': 'id',
  'read.departments': 'id',
  'read.forms': 'id',
  'read.leads': 'id',
  'read.security': 'singleton',
  'read.erasures': 'contact_id',
  'read.calls': 'id',
  // Rows come by insert alone and have no version.
  'read.audit': 'id',
} as const;
export type ReadTable = keyof typeof READ_TABLES;

/** A contact point in the vault: sealed, with the value that exact lookup compares (hexadecimal; null for raw text). */
export interface VaultPoint {
  readonly id: string;
  readonly blind: string | null;
  readonly sealed: string;
}

/**
 * What an event changes in the read models, as data: the append makes statements of it, a rebuild folds it in memory. Doing one
 * twice changes nothing.
 */
export type RowChange =
  /** A row that is not there yet. */
  | { readonly kind: 'insert'; readonly table: ReadTable; readonly row: Columns }
  /** Columns of a row that is older than `version`; `merge` adds members to jsonb columns. */
  | {
      readonly kind: 'update';
      readonly table: ReadTable;
      readonly key: unknown;
      readonly version: number;
      readonly set: Columns;
      readonly merge?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    }
  | { readonly kind: 'remove'; readonly table: ReadTable; readonly key: unknown }
  /** All points of one kind that a record has from now on. */
  | {
      readonly kind: 'points';
      readonly recordType: 'contact' | 'company';
      readonly recordId: string;
      readonly pointKind: 'phone' | 'email';
      readonly points: readonly VaultPoint[];
      readonly isNew: boolean;
    }
  /** The data key of an owner is destroyed: what it sealed stays closed. */
  | { readonly kind: 'destroy-key'; readonly owner: string }
  /** A right, a role, a person, a department or a security setting changed: gateways read anew what they remember. */
  | { readonly kind: 'raise-authz' };

export const RAISE_AUTHZ: RowChange = { kind: 'raise-authz' };

export function insertRow(table: ReadTable, row: Columns): RowChange {
  return { kind: 'insert', table, row };
}

/** `set` of the row named `key`, when it is older than `version`. */
export function updateRow(table: ReadTable, key: unknown, version: number, set: Columns): RowChange & { kind: 'update' } {
  return { kind: 'update', table, key, version, set };
}

export function removeRow(table: ReadTable, key: unknown): RowChange {
  return { kind: 'remove', table, key };
}

/** The statements of a change, for the transaction of the append. */
export function statementsOf(change: RowChange): readonly Statement[] {
  switch (change.kind) {
    case 'insert':
      return [insertStatement(change.table, change.row)];
    case 'update':
      return [updateStatement(change)];
    case 'remove':
      return [named(`DELETE FROM ${change.table} WHERE ${READ_TABLES[change.table]} = $1`, [change.key])];
    case 'points':
      return pointStatements(change);
    case 'destroy-key':
      return [named('DELETE FROM vault.keys WHERE owner = $1', [change.owner])];
    case 'raise-authz':
      return [named('UPDATE read.security SET authz_version = authz_version + 1', [])];
  }
}

const NAMES = new Map<string, string>();
/** A record has few columns, so its sets of changed columns are few; texts beyond these are not prepared. */
const MOST_NAMES = 1_000;

/** A text of fixed words is prepared once a connection, under a short name of its own. */
function named(text: string, values: readonly unknown[]): Statement {
  const known = NAMES.get(text);
  if (known === undefined && NAMES.size >= MOST_NAMES) return { text, values };
  const name = known ?? `row-${NAMES.size}`;
  NAMES.set(text, name);
  return { name, text, values };
}

function insertStatement(table: ReadTable, row: Columns): Statement {
  const names = Object.keys(row);
  const places = names.map((_, index) => `$${index + 1}`).join(', ');
  // Once by its key; what is unique besides (an e-mail) is an error, and undoes the append.
  const once = `ON CONFLICT (${READ_TABLES[table]}) DO NOTHING`;
  return named(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places}) ${once}`, Object.values(row));
}

function updateStatement({ table, key, version, set, merge = {} }: Extract<RowChange, { kind: 'update' }>): Statement {
  const values: unknown[] = [key, version];
  const place = (value: unknown): string => `$${values.push(value)}`;
  const parts = [
    'version = $2',
    ...Object.entries(set).map(([name, value]) => `${name} = ${place(value)}`),
    ...Object.entries(merge).map(([name, members]) => `${name} = ${name} || ${place(JSON.stringify(members))}::jsonb`),
  ];
  return named(`UPDATE ${table} SET ${parts.join(', ')} WHERE ${READ_TABLES[table]} = $1 AND version < $2`, values);
}

function pointStatements({
  recordType,
  recordId,
  pointKind,
  points,
  isNew,
}: Extract<RowChange, { kind: 'points' }>): readonly Statement[] {
  const clear = named('DELETE FROM vault.points WHERE record_id = $1 AND kind = $2', [recordId, pointKind]);
  const insert = named(
    `INSERT INTO vault.points (id, record_type, record_id, kind, blind_index, sealed)
     SELECT id, $2, $3, $4, decode(blind, 'hex'), sealed FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, blind text, sealed text)
     ON CONFLICT (id) DO NOTHING`,
    [JSON.stringify(points), recordType, recordId, pointKind],
  );
  return [...(isNew ? [] : [clear]), ...(points.length === 0 ? [] : [insert])];
}
