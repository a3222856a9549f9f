import type { Statement } from '#event-store';
import type { ProjectionTools, RecordedEvent } from '../log/aggregate.js';
import { lookupForm, maskPoint, type ContactPoint } from './domain/contact-point.js';
import { maskedTextOrNull } from './domain/personal-text.js';
import type { RecordEvent } from './domain/record.decider.js';

/** Column names are fixed words of the projections, never input. */
export type Columns = Readonly<Record<string, unknown>>;

export interface RecordProjection<Fields> {
  readonly table: 'read.contacts' | 'read.companies' | 'read.deals';
  /** The columns of the fields given, masked. */
  columns(fields: Partial<Fields>): Columns;
}

/** Event → statements for what all records share. Each touches a row only when the row is older than the event. */
export function projectRecord<Kind extends string, Fields>(
  { table, columns }: RecordProjection<Fields>,
  kind: Kind,
  recorded: RecordedEvent<RecordEvent<Kind, Fields>>,
): readonly Statement[] {
  const { event, aggregateId, version, metadata } = recorded;
  const update = (set: Columns): readonly Statement[] => [
    updateRow(table, aggregateId, { ...set, updated_at: metadata.at, version }),
  ];
  switch (event.type.slice(kind.length)) {
    case 'Created': {
      const data = event.data as Fields & { responsibleId: string | null; leadId: string | null };
      return [
        insertRow(table, {
          id: aggregateId,
          ...columns(data),
          ...(table === 'read.companies' ? {} : { lead_id: data.leadId }),
          responsible_id: data.responsibleId,
          created_by: metadata.actorId,
          created_at: metadata.at,
          updated_at: metadata.at,
          version,
        }),
      ];
    }
    case 'Changed':
      return update(columns(event.data as Partial<Fields>));
    case 'Assigned':
      return update({ responsible_id: (event.data as { responsibleId: string | null }).responsibleId });
    case 'Deleted':
      return update({ deleted_at: metadata.at });
    case 'Restored':
      return update({ deleted_at: null });
    default:
      throw new Error(`no projection for ${event.type}`);
  }
}

/** INSERT of one row that is not there yet. */
export function insertRow(table: string, columns: Columns): Statement {
  const names = Object.keys(columns);
  const text = `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')}) ON CONFLICT DO NOTHING`;
  return { name: `insert ${table} ${names.length}`, text, values: Object.values(columns) };
}

/** UPDATE of one row that is older than `columns.version`. */
export function updateRow(table: string, id: string, columns: Columns & { readonly version: number }, key = 'id'): Statement {
  const names = Object.keys(columns);
  const set = names.map((name, index) => `${name} = $${index + 2}`).join(', ');
  const text = `UPDATE ${table} SET ${set} WHERE ${key} = $1 AND version < $${names.indexOf('version') + 2}`;
  return { text, values: [id, ...Object.values(columns)] };
}

/** The jsonb column of a list of points: masks only. */
export function pointsColumn(points: readonly ContactPoint[]): string {
  return JSON.stringify(
    points.map((point) => ({
      id: point.id,
      label: maskedTextOrNull(point.label),
      masked: maskPoint(point),
      ...(point.unverified ? { unverified: true } : {}),
    })),
  );
}

/** The vault's entries of a record's points of one kind: sealed values and lookup values, the whole list anew. */
export function vaultPoints(
  recordType: 'contact' | 'company',
  recordId: string,
  kind: ContactPoint['kind'],
  points: readonly ContactPoint[],
  tools: ProjectionTools,
  isNew: boolean,
): readonly Statement[] {
  const clear: Statement = {
    name: 'vault-clear-points',
    text: 'DELETE FROM vault.points WHERE record_id = $1 AND kind = $2',
    values: [recordId, kind],
  };
  const live = points.filter(({ value }) => !value.isErased);
  const rows = live.map((point) => {
    const form = lookupForm(point);
    return {
      id: point.id,
      blind: form === null ? null : tools.blindIndex(kind, form).toString('hex'),
      sealed: tools.sealPoint(point.id, point.value.expose()),
    };
  });
  const insert: Statement = {
    name: 'vault-insert-points',
    text: `INSERT INTO vault.points (id, record_type, record_id, kind, blind_index, sealed)
           SELECT id, $2, $3, $4, decode(blind, 'hex'), sealed FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, blind text, sealed text)
           ON CONFLICT (id) DO NOTHING`,
    values: [JSON.stringify(rows), recordType, recordId, kind],
  };
  return [...(isNew ? [] : [clear]), ...(rows.length === 0 ? [] : [insert])];
}
