import { searchVector } from '#contracts';
import type { ProjectionTools, ProjectedEvent } from '../log/aggregate.js';
import { insertRow, updateRow, type RowChange } from '../log/row-change.js';
import { lookupForm, maskPoint, type ContactPoint } from './domain/contact-point.js';
import { maskedText, maskedTextOrNull, type PersonalText } from './domain/personal-text.js';
import { shownValues } from './domain/custom-values.js';
import type { RecordEvent, SharedFields } from './domain/record.decider.js';

export interface RecordProjection<Fields> {
  readonly table: 'read.contacts' | 'read.companies' | 'read.deals';
  /** The columns of the fields given, masked: a row of the caller's own. */
  columns(fields: Partial<Fields>): Record<string, unknown>;
}

/** Event → row changes for what all records share. */
export function projectRecord<Kind extends string, Fields extends SharedFields>(
  { table, columns }: RecordProjection<Fields>,
  kind: Kind,
  recorded: ProjectedEvent<RecordEvent<Kind, Fields>>,
): readonly RowChange[] {
  const { event, aggregateId, version, metadata } = recorded;
  const update = (set: Record<string, unknown>): RowChange & { kind: 'update' } => {
    set['updated_at'] = metadata.at;
    return updateRow(table, aggregateId, version, set);
  };
  switch (event.type.slice(kind.length)) {
    case 'Created': {
      const data = event.data as Fields & { responsibleId: string | null; leadId: string | null };
      const row: Record<string, unknown> = { id: aggregateId };
      Object.assign(row, columns(data));
      row['custom_fields'] = JSON.stringify(shownValues(data.customFields));
      if (table !== 'read.companies') row['lead_id'] = data.leadId;
      row['responsible_id'] = data.responsibleId;
      row['created_by'] = metadata.actorId;
      row['created_at'] = row['updated_at'] = metadata.at;
      row['version'] = version;
      return [insertRow(table, row)];
    }
    case 'Changed': {
      const data = event.data as Partial<Fields>;
      const change = update(columns(data));
      return [data.customFields === undefined ? change : { ...change, merge: { custom_fields: shownValues(data.customFields) } }];
    }
    case 'Assigned':
      return [update({ responsible_id: (event.data as { responsibleId: string | null }).responsibleId })];
    case 'Deleted':
      return [update({ deleted_at: metadata.at })];
    case 'Restored':
      return [update({ deleted_at: null })];
    default:
      throw new Error(`no projection for ${event.type}`);
  }
}

/** A name or title, and the words by which a list finds it: those of the masked text, for nothing else may be searched. */
export function setName(row: Record<string, unknown>, column: 'name' | 'title', text: PersonalText): void {
  const masked = maskedText(text);
  row[column] = masked;
  row['search'] = searchVector(masked);
}

/** The jsonb column of a list of points: masks only. */
export function pointsColumn(points: readonly ContactPoint[]): string {
  return JSON.stringify(
    points.map((point) => {
      const shown = { id: point.id, label: maskedTextOrNull(point.label), masked: maskPoint(point) };
      return point.unverified ? { ...shown, unverified: true } : shown;
    }),
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
): readonly RowChange[] {
  const live = points.filter(({ value }) => !value.isErased);
  if (isNew && live.length === 0) return [];
  const rows = live.map((point) => {
    const form = lookupForm(point);
    return {
      id: point.id,
      blind: form === null ? null : tools.blindIndex(kind, form),
      sealed: tools.sealPoint(point.id, point.value.expose()),
    };
  });
  return [{ kind: 'points', recordType, recordId, pointKind: kind, points: rows, isNew }];
}
