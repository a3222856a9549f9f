import { searchQuery } from '#contracts';
import type { RecordFilter } from '#policy';
import { joinedUuidArray } from '../database/uuid-array.js';
import type { ListRequest, Sort } from './list-request.js';
import type { RecordKind } from './record-kind.js';

/** A statement with its values. Texts are built from fixed words alone; whatever was sent is a value. */
export interface Sql {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Not prepared under a name: the plan must be made for these values. */
  readonly plannedAnew?: true;
}

/** Collects values and gives their placeholders. */
export class Values {
  readonly list: unknown[];

  constructor(first: readonly unknown[] = []) {
    this.list = [...first];
  }

  add(value: unknown, type: string): string {
    this.list.push(type === 'uuid[]' && Array.isArray(value) ? joinedUuidArray([value as readonly string[]]) : value);
    return `$${this.list.length}::${type}`;
  }
}

const LIST_COLUMNS: Readonly<Record<RecordKind['type'], string>> = {
  contact: 'r.id, r.name, r.phones, r.emails, r.company_id, r.lead_id',
  company: 'r.id, r.name, r.phones, r.emails',
  deal: 'r.id, r.title, r.amount, r.currency, r.company_id, r.stage_id, r.status, r.lead_id',
};
const CARD_COLUMNS: Readonly<Record<RecordKind['type'], string>> = {
  contact: LIST_COLUMNS.contact,
  company: `${LIST_COLUMNS.company}, r.website, r.address`,
  deal: `${LIST_COLUMNS.deal}, r.pipeline_id, r.contact_ids, r.lose_reason`,
};
const COMMON = 'r.responsible_id, r.tags, r.created_at::text AS created_at, r.updated_at::text AS updated_at, r.version';

/** The policy's filter as SQL: nothing is false, and an empty list of people matches nothing. */
export function filterSql(filter: RecordFilter, column: string, values: Values): string {
  switch (filter.kind) {
    case 'everything':
      return 'true';
    case 'nothing':
      return 'false';
    case 'responsible':
      return `${column} = ANY(${values.add(filter.userIds, 'uuid[]')})`;
  }
}

/** Values of the fields that there are: what a deleted one held, and what was emptied, is not shown. */
function customFieldsSql(kind: RecordKind): string {
  return `CASE WHEN r.custom_fields = '{}' THEN r.custom_fields ELSE (
      SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.custom_fields) AS v
      JOIN read.custom_fields AS f ON f.id = v.key::uuid AND f.record_type = '${kind.type}'
      WHERE v.value <> 'null') END AS custom_fields`;
}

/** The columns of a row of an export: those of a list, the note and the fields of the company's own making. */
export function exportColumns(kind: RecordKind): string {
  return `${LIST_COLUMNS[kind.type]}, r.note, ${customFieldsSql(kind)}, ${COMMON}`;
}

/** The columns of a card, from the table as `r`. */
export function cardColumns(kind: RecordKind): string {
  return `${CARD_COLUMNS[kind.type]}, r.note, ${customFieldsSql(kind)}, ${COMMON}`;
}

export const SORT_COLUMNS: Readonly<Record<Sort['field'], { column: string; type: string }>> = {
  createdAt: { column: 'r.created_at', type: 'timestamptz' },
  updatedAt: { column: 'r.updated_at', type: 'timestamptz' },
  name: { column: 'r.name', type: 'text' },
  title: { column: 'r.title', type: 'text' },
  amount: { column: `coalesce(r.amount, '-Infinity')`, type: 'numeric' },
};

/** The predicates that the request adds to the policy's. */
function conditions(request: ListRequest, values: Values): string[] {
  const { ids, words, attribution } = request;
  const found = [request.deleted ? 'r.deleted_at IS NOT NULL' : 'r.deleted_at IS NULL'];
  if (words !== null) {
    found.push(words.length === 0 ? 'false' : `r.search @@ ${values.add(searchQuery(words), 'tsquery')}`);
  }
  if (ids.responsibleId !== undefined) found.push(`r.responsible_id = ${values.add(ids.responsibleId, 'uuid')}`);
  if (ids.departmentId !== undefined) {
    const department = values.add(ids.departmentId, 'uuid');
    found.push(`r.responsible_id IN (SELECT p.user_id FROM read.principals AS p WHERE p.department_id = ${department})`);
  }
  if (ids.companyId !== undefined) found.push(`r.company_id = ${values.add(ids.companyId, 'uuid')}`);
  if (ids.contactId !== undefined) found.push(`r.contact_ids @> ARRAY[${values.add(ids.contactId, 'uuid')}]`);
  if (ids.stageId !== undefined) found.push(`r.stage_id = ${values.add(ids.stageId, 'uuid')}`);
  if (request.createdFrom !== null) found.push(`r.created_at >= ${values.add(request.createdFrom, 'timestamptz')}`);
  if (request.createdTo !== null) found.push(`r.created_at < ${values.add(request.createdTo, 'timestamptz')}`);
  if (Object.keys(attribution).length > 0) {
    const wanted = values.add(JSON.stringify(attribution), 'jsonb');
    found.push(`EXISTS (SELECT FROM read.deal_attributions AS a WHERE a.deal_id = r.id AND a.values @> ${wanted})`);
  }
  return found;
}

/** Of a list: the page and one row more, so that it is known whether another page follows. */
export interface ListFilters {
  /** All of them hold: a deleted record is found by those who may see it and bring it back. */
  readonly records: readonly RecordFilter[];
  /** Where attribution may be seen; only used with an attribution filter. */
  readonly attribution: RecordFilter;
}

/** What a record must be to be found: within the policy's filters, and as it was asked for. */
export function whereSql(request: ListRequest, filters: ListFilters, values: Values): string {
  const allowed = filters.records.map((filter) => filterSql(filter, 'r.responsible_id', values));
  const parts = [...allowed, ...conditions(request, values)];
  if (Object.keys(request.attribution).length > 0) parts.push(filterSql(filters.attribution, 'r.responsible_id', values));
  return parts.join(' AND ');
}

/**
 * How rows are looked for. `planned`: as the database thinks best. `walked`: among so many rows in the order of the sort, for what is
 * frequent. `collected`: all that match, then sorted, for what is rare; the database takes a rare beginning of a word for a frequent
 * one and would walk the whole table for it.
 */
export type Way = { readonly kind: 'planned' | 'collected' } | { readonly kind: 'walked'; readonly rows: number };

/** The statement of a page: visible rows that match, from behind the cursor on, one more than asked so that a next page shows. */
export function listSql(kind: RecordKind, request: ListRequest, filters: ListFilters, way: Way = { kind: 'planned' }): Sql {
  const values = new Values();
  const { column, type } = SORT_COLUMNS[request.sort.field];
  const [direction, beyond] = request.sort.descending ? ['DESC', '<'] : ['ASC', '>'];
  const order = `ORDER BY ${column} ${direction}, r.id ${direction}`;
  const where = whereSql(request, filters, values);
  const after =
    request.after === null
      ? 'true'
      : `(${column}, r.id) ${beyond} (${values.add(request.after.value ?? '-Infinity', type)}, ${values.add(request.after.id, 'uuid')})`;
  const columns = `${LIST_COLUMNS[kind.type]}, ${COMMON}, ${column}::text AS sort_key`;
  const limit = values.add(request.limit + 1, 'int');
  const from = `FROM ${kind.table} AS r`;
  switch (way.kind) {
    case 'planned':
      return { text: `SELECT ${columns} ${from} WHERE ${where} AND ${after} ${order} LIMIT ${limit}`, values: values.list };
    case 'walked': {
      const walked = `SELECT r.* ${from} WHERE ${after} ${order} LIMIT ${values.add(way.rows, 'int')}`;
      return { text: `SELECT ${columns} FROM (${walked}) AS r WHERE ${where} ${order} LIMIT ${limit}`, values: values.list };
    }
    case 'collected': {
      const found = `WITH found AS MATERIALIZED (SELECT r.id, ${column} AS value ${from} WHERE ${where} AND ${after}),
        page AS (SELECT id FROM found ORDER BY value ${direction}, id ${direction} LIMIT ${limit})`;
      const text = `${found} SELECT ${columns} FROM page JOIN ${kind.table} AS r ON r.id = page.id ${order}`;
      // What it costs hangs on the words: it is planned anew each time, and not by what other words cost.
      return { text, values: values.list, plannedAnew: true };
    }
  }
}

/** How many visible rows match in all. */
export function countSql(kind: RecordKind, request: ListRequest, filters: ListFilters): Sql {
  const values = new Values();
  return {
    text: `SELECT count(*)::int AS count FROM ${kind.table} AS r WHERE ${whereSql(request, filters, values)}`,
    values: values.list,
  };
}
