import { filterFor, type Principal } from '#policy';
import type { ListRequest } from '../records/list-request.js';
import type { RecordKind } from '../records/record-kind.js';
import { exportColumns, filterSql, SORT_COLUMNS, Values, whereSql, type ListFilters, type Sql } from '../records/record-sql.js';

/** What a person may export: what he may see and export, and of deleted records what he may bring back besides. */
export function exportFilters(principal: Principal, kind: RecordKind, ofDeleted: boolean): ListFilters {
  const actions = ofDeleted ? (['view', 'export', 'restore'] as const) : (['view', 'export'] as const);
  return {
    records: actions.map((action) => filterFor(principal, kind.type, action)),
    attribution: filterFor(principal, 'attribution', 'view'),
  };
}

/** The ids that match, in the order of the sort, and one more than `most`, so that it is known whether there are too many. */
export function exportIdsSql(kind: RecordKind, request: ListRequest, filters: ListFilters, most: number): Sql {
  const values = new Values();
  const { column } = SORT_COLUMNS[request.sort.field];
  const direction = request.sort.descending ? 'DESC' : 'ASC';
  const where = whereSql(request, filters, values);
  const text = `WITH found AS MATERIALIZED (SELECT r.id, ${column} AS value FROM ${kind.table} AS r WHERE ${where})
    SELECT id FROM found ORDER BY value ${direction}, id ${direction} LIMIT ${values.add(most + 1, 'int')}`;
  return { text, values: values.list, plannedAnew: true };
}

/** The rows of these ids that are still within the filters, in the order of the ids. */
export function exportRowsSql(kind: RecordKind, ids: readonly string[], ofDeleted: boolean, filters: ListFilters): Sql {
  const values = new Values();
  const text = `SELECT ${exportColumns(kind)} ${stillWithin(kind, ids, ofDeleted, filters, values)} ORDER BY asked.n`;
  return { text, values: values.list };
}

/** The ids of those, for rows that were written by the rights of before. */
export function stillExportedSql(kind: RecordKind, ids: readonly string[], ofDeleted: boolean, filters: ListFilters): Sql {
  const values = new Values();
  const found = `ARRAY(SELECT r.id ${stillWithin(kind, ids, ofDeleted, filters, values)})`;
  return { text: `SELECT ${found} AS ids, (SELECT authz_version FROM read.security) AS authz_version`, values: values.list };
}

function stillWithin(
  kind: RecordKind,
  ids: readonly string[],
  ofDeleted: boolean,
  { records }: ListFilters,
  values: Values,
): string {
  const allowed = records.map((filter) => filterSql(filter, 'r.responsible_id', values)).join(' AND ');
  // LIMIT keeps it one look-up by key for each id: joined freely, a table just filled is read whole for each part.
  return `FROM unnest(${values.add(ids, 'uuid[]')}) WITH ORDINALITY AS asked(id, n)
    CROSS JOIN LATERAL (SELECT * FROM ${kind.table} AS t WHERE t.id = asked.id LIMIT 1) AS r
    WHERE ${ofDeleted ? 'r.deleted_at IS NOT NULL' : 'r.deleted_at IS NULL'} AND ${allowed}`;
}
