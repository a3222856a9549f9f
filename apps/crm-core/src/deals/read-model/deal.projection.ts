import type { RecordedEvent } from '../../log/aggregate.js';
import { maskedText, maskedTextOrNull } from '../../records/domain/personal-text.js';
import { insertRow, removeRow, updateRow, type Columns, type RowChange } from '../../log/row-change.js';
import { projectRecord } from '../../records/record.projection.js';
import type { DealAttribution, DealEvent, DealFields, DealPlace } from '../domain/deal.events.js';

/** The columns of `read.deals` for the fields given: masked, whatever they hold. Only a creation names a place. */
function columns(fields: Partial<DealFields & DealPlace>): Columns {
  return {
    ...(fields.title === undefined ? {} : { title: maskedText(fields.title) }),
    ...(fields.amount === undefined ? {} : { amount: fields.amount?.value ?? null, currency: fields.amount?.currency ?? null }),
    ...(fields.contactIds === undefined ? {} : { contact_ids: fields.contactIds }),
    ...(fields.companyId === undefined ? {} : { company_id: fields.companyId }),
    ...(fields.note === undefined ? {} : { note: maskedTextOrNull(fields.note) }),
    ...(fields.tags === undefined ? {} : { tags: fields.tags.map(maskedText) }),
    ...(fields.pipelineId === undefined ? {} : { pipeline_id: fields.pipelineId, stage_id: fields.stageId, status: 'open' }),
  };
}

/** What a deal is called whose only contact was erased. */
const ERASED_TITLE = 'erased';

export function projectDeal(recorded: RecordedEvent<DealEvent>): readonly RowChange[] {
  const { event, aggregateId, version, metadata } = recorded;
  if (event.type === 'DealMoved') {
    return [updateRow('read.deals', aggregateId, version, { stage_id: event.data.stageId, updated_at: metadata.at })];
  }
  if (event.type === 'DealErased') {
    const gone = { title: ERASED_TITLE, note: null, tags: [], updated_at: metadata.at };
    return [
      updateRow('read.deals', aggregateId, version, gone),
      removeRow('read.deal_attributions', aggregateId),
      { kind: 'destroy-key', owner: event.data.keyOwner },
    ];
  }
  const row = projectRecord<'Deal', DealFields & DealPlace>({ table: 'read.deals', columns }, 'Deal', { ...recorded, event });
  return event.type === 'DealCreated' ? [...row, ...attributionRow(aggregateId, event.data.attribution, version)] : row;
}

/** Masked values, in a table that only those with `attribution.view` are read from. */
function attributionRow(dealId: string, attribution: DealAttribution | null, version: number): readonly RowChange[] {
  if (attribution === null || attribution.isErased) return [];
  const values = Object.entries(attribution.expose()).map(([key, { masked }]) => [key, masked] as const);
  return [insertRow('read.deal_attributions', { deal_id: dealId, values: JSON.stringify(Object.fromEntries(values)), version })];
}
