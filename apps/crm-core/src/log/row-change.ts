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
  'read.reveals': 'id',
  // Rows come by insert alone and have no version.
  'read.audit': 'id',
} as const;
export type ReadTable = keyof typeof READ_TABLES;

/** Tables whose rows are written under the lock of the row's own stream and have nothing unique beside their key: who writes one waits for nobody. */
const OWN_ROWS: ReadonlySet<ReadTable> = new Set([
  'read.contacts',
  'read.companies',
  'read.deals',
  'read.deal_attributions',
  'read.calls',
  'read.audit',
]);

const LIST = 'text[]';
const RECORD_TYPES = {
  ...{ id: 'uuid', name: 'text', search: 'tsvector', phones: 'jsonb', emails: 'jsonb', note: 'text', tags: LIST },
  ...{ custom_fields: 'jsonb', responsible_id: 'uuid', created_by: 'uuid', created_at: 'timestamptz', updated_at: 'timestamptz' },
  version: 'integer',
};
/** Types of the columns of tables into which many insert at the same time. */
export const SHARED_TABLES: Readonly<Partial<Record<ReadTable, Readonly<Record<string, string>>>>> = {
  'read.contacts': { ...RECORD_TYPES, company_id: 'uuid', lead_id: 'uuid' },
  'read.companies': { ...RECORD_TYPES, website: 'text', address: 'text' },
};

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

/** True when the change may go in one transaction with those of other streams: it waits for nobody, and nobody waits for it. */
export function mayShare(change: RowChange): boolean {
  switch (change.kind) {
    case 'insert':
    case 'update':
    case 'remove':
      return OWN_ROWS.has(change.table);
    case 'points':
      return true;
    case 'destroy-key':
    case 'raise-authz':
      return false;
  }
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

/** The texts of inserts, by table and columns: made once. */
const INSERTS = new Map<string, { readonly alone: string; readonly ofMany: string | undefined }>();

function insertTexts(
  table: ReadTable,
  names: readonly string[],
): { readonly alone: string; readonly ofMany: string | undefined } {
  const columns = names.join(', ');
  const known = INSERTS.get(`${table} ${columns}`);
  if (known !== undefined) return known;
  // Once by its key; what is unique besides (an e-mail) is an error, and undoes the append.
  const [into, once] = [`INSERT INTO ${table} (${columns})`, `ON CONFLICT (${READ_TABLES[table]}) DO NOTHING`];
  const types = SHARED_TABLES[table];
  const arrays = names.map((name, index) => `$${index + 1}::${types?.[name] === LIST ? 'text' : types?.[name]}[]`);
  const values = names.map((name) => (types?.[name] === LIST ? `r.${name}::${LIST}` : `r.${name}`));
  const texts = {
    alone: `${into} VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')}) ${once}`,
    ofMany: types && `${into} SELECT ${values.join(', ')} FROM unnest(${arrays.join(', ')}) AS r(${columns}) ${once}`,
  };
  if (INSERTS.size < MOST_NAMES) INSERTS.set(`${table} ${columns}`, texts);
  return texts;
}

function insertStatement(table: ReadTable, row: Columns): Statement {
  const names = Object.keys(row);
  const { alone, ofMany } = insertTexts(table, names);
  const statement = named(alone, Object.values(row));
  if (ofMany === undefined) return statement;
  const { name, text } = named(ofMany, []);
  const types = SHARED_TABLES[table];
  const values = names.map((column) => (types?.[column] === LIST ? listText(row[column]) : row[column]));
  return { ...statement, shared: { ...(name === undefined ? {} : { name }), text, rows: [values] } };
}

/** A list in a list would be a matrix: it goes as the text of an array of PostgreSQL. */
function listText(list: unknown): string {
  return `{${(list as readonly string[]).map((item) => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
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
  const rows = points.map(({ id, blind, sealed }) => [id, recordType, recordId, pointKind, blind, sealed]);
  const inserts = points.length === 0 ? [] : [{ ...insert, shared: { ...INSERT_POINTS, rows } }];
  return [...(isNew ? [] : [clear]), ...inserts];
}

const INSERT_POINTS = {
  name: 'points-of-many',
  text: `INSERT INTO vault.points (id, record_type, record_id, kind, blind_index, sealed)
    SELECT p.id, p.record_type, p.record_id, p.kind, decode(p.blind, 'hex'), p.sealed
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[]) AS p(id, record_type, record_id, kind, blind, sealed)
    ON CONFLICT (id) DO NOTHING`,
};
