import type { ClearPoint, HistoryChange } from '#contracts';
import type { RecordType } from '#policy';
import type { ProjectionTools, RecordedEvent, AnyAggregate } from '../../log/aggregate.js';
import { projectionOf } from '../../log/projection.js';
import { RowFold } from '../../log/row-fold.js';
import type { Columns, ReadTable } from '../../log/row-change.js';
import type { ContactPoint } from '../domain/contact-point.js';

/** Which full numbers a viewer may see of the record. */
export interface ShownPoints {
  readonly phone: boolean;
  readonly email: boolean;
}

/** What of a moment a viewer is shown. */
export interface Sight {
  readonly points: ShownPoints;
  readonly attribution: boolean;
  /** Fields of the company's own making that there are: what a deleted one held is not shown any more. */
  readonly customFieldIds: ReadonlySet<string>;
}

/** A record after one of its events: its row as the read model had it, and its points in clear. */
export interface Moment {
  readonly recorded: RecordedEvent;
  readonly row: Columns | undefined;
  readonly attribution: Readonly<Record<string, string>> | undefined;
  readonly points: readonly ContactPoint[];
}

const TABLES: Readonly<Record<RecordType, ReadTable>> = {
  contact: 'read.contacts',
  company: 'read.companies',
  deal: 'read.deals',
};

/** Nothing is stored of a row of the past, so nothing is sealed for the vault. */
const NO_VAULT: ProjectionTools = { sealPoint: () => '', blindIndex: () => '00'.repeat(32) };

/** The record after each of its events, oldest first. What read models show is what is shown of the past: the same projection. */
export function timeline(type: RecordType, aggregate: AnyAggregate, events: readonly RecordedEvent[]): readonly Moment[] {
  const fold = new RowFold();
  let state = aggregate.initialState;
  return events.map((recorded): Moment => {
    state = aggregate.evolve(state, recorded.event);
    for (const change of projectionOf(aggregate, recorded, NO_VAULT)) fold.apply(change);
    const attribution = fold.row('read.deal_attributions', recorded.aggregateId)?.['values'];
    return {
      recorded,
      row: fold.row(TABLES[type], recorded.aggregateId),
      attribution: typeof attribution === 'string' ? (JSON.parse(attribution) as Record<string, string>) : undefined,
      points: pointsOf(state),
    };
  });
}

function pointsOf(state: unknown): readonly ContactPoint[] {
  const { fields } = state as { fields?: { phones?: readonly ContactPoint[]; emails?: readonly ContactPoint[] } };
  return [...(fields?.phones ?? []), ...(fields?.emails ?? [])].filter(({ value }) => !value.isErased);
}

/** The points of a moment that the viewer may see in full. */
export function clearPoints({ points }: Pick<Moment, 'points'>, shown: ShownPoints): readonly ClearPoint[] {
  return points
    .filter(({ kind }) => shown[kind])
    .map(({ id, kind, value }) => (kind === 'phone' ? { id, number: value.expose() } : { id, address: value.expose() }));
}

/** A column of the read model as a field of the card. */
const FIELDS: readonly (readonly [field: string, column: string, isJson?: 'json'])[] = [
  ['name', 'name'],
  ['title', 'title'],
  ['phones', 'phones', 'json'],
  ['emails', 'emails', 'json'],
  ['website', 'website'],
  ['address', 'address'],
  ['companyId', 'company_id'],
  ['contactIds', 'contact_ids'],
  ['pipelineId', 'pipeline_id'],
  ['stageId', 'stage_id'],
  ['status', 'status'],
  ['responsibleId', 'responsible_id'],
  ['note', 'note'],
  ['tags', 'tags'],
  ['loseReason', 'lose_reason'],
];

/** The fields of a card as the viewer may see them at that moment. */
function fieldsOf(moment: Moment | undefined, sight: Sight): ReadonlyMap<string, unknown> {
  const row = moment?.row;
  if (moment === undefined || row === undefined) return new Map();
  const clear = new Map(clearPoints(moment, sight.points).map((point) => [point.id, point]));
  const fields = new Map<string, unknown>();
  for (const [field, column, isJson] of FIELDS) {
    if (row[column] === undefined) continue;
    const value: unknown = isJson === 'json' ? JSON.parse(String(row[column])) : row[column];
    const isPoints = field === 'phones' || field === 'emails';
    fields.set(field, isPoints ? (value as { id: string }[]).map((point) => ({ ...point, ...clear.get(point.id) })) : value);
  }
  if (row['amount'] !== undefined) {
    const { amount: value, currency } = row;
    fields.set('amount', value === null ? null : { value, currency });
  }
  if (row['custom_fields'] !== undefined) fields.set('customFields', customFieldsOf(row, sight));
  fields.set('deleted', row['deleted_at'] !== undefined && row['deleted_at'] !== null);
  if (sight.attribution && moment.attribution !== undefined) fields.set('attribution', moment.attribution);
  return fields;
}

/** Values of the fields that there are; what was emptied is none. */
export function customFieldsOf(
  row: Columns,
  { customFieldIds }: Pick<Sight, 'customFieldIds'>,
): Readonly<Record<string, unknown>> {
  const values = JSON.parse(String(row['custom_fields'] ?? '{}')) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.entries(values).filter(([id, value]) => value !== null && customFieldIds.has(id)));
}

/** What one event changed, as the viewer may see it. A creation changes everything that it gave a value. */
export function changesOf(before: Moment | undefined, after: Moment, sight: Sight): readonly HistoryChange[] {
  const [from, to] = [fieldsOf(before, sight), fieldsOf(after, sight)];
  return [...new Set([...from.keys(), ...to.keys()])]
    .map((field) => ({ field, from: from.get(field) ?? null, to: to.get(field) ?? null }))
    .filter(({ from: was, to: is }) => JSON.stringify(was) !== JSON.stringify(is))
    .filter(({ from: was, to: is }) => before !== undefined || !(was === null && isEmpty(is)));
}

function isEmpty(value: unknown): boolean {
  if (value === false || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
