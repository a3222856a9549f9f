import { Secret } from '#kernel';
import type { ProjectedEvent } from '../../log/aggregate.js';
import { maskedText, maskedTextOrNull } from '../../records/domain/personal-text.js';
import { insertRow, removeRow, updateRow, type RowChange } from '../../log/row-change.js';
import { projectRecord, setName } from '../../records/record.projection.js';
import type { DealAttribution, DealEvent, DealFields, DealPlace } from '../domain/deal.events.js';

/** The columns of `read.deals` for the fields given: masked, whatever they hold. Only a creation names a place. */
function columns(fields: Partial<DealFields & DealPlace>): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  if (fields.title !== undefined) setName(row, 'title', fields.title);
  if (fields.amount !== undefined) {
    row['amount'] = fields.amount?.value ?? null;
    row['currency'] = fields.amount?.currency ?? null;
  }
  if (fields.contactIds !== undefined) row['contact_ids'] = fields.contactIds;
  if (fields.companyId !== undefined) row['company_id'] = fields.companyId;
  if (fields.note !== undefined) row['note'] = maskedTextOrNull(fields.note);
  if (fields.tags !== undefined) row['tags'] = fields.tags.map(maskedText);
  if (fields.pipelineId !== undefined) {
    row['pipeline_id'] = fields.pipelineId;
    row['stage_id'] = fields.stageId;
    row['status'] = 'open';
  }
  return row;
}

export function projectDeal(recorded: ProjectedEvent<DealEvent>): readonly RowChange[] {
  const { event, aggregateId, version, metadata } = recorded;
  const update = (set: Record<string, unknown>): readonly RowChange[] => [
    updateRow('read.deals', aggregateId, version, { ...set, updated_at: metadata.at }),
  ];
  switch (event.type) {
    case 'DealMoved':
      return update({ stage_id: event.data.stageId });
    case 'DealWon':
      return update({ status: 'won', lose_reason: null });
    case 'DealLost':
      return update({ status: 'lost', lose_reason: maskedText(event.data.reason) });
    case 'DealReopened':
      return update({ status: 'open', lose_reason: null });
    case 'DealErased':
      return [
        ...update({ ...columns({ title: Secret.erased() }), note: null, tags: [], custom_fields: '{}', lose_reason: null }),
        removeRow('read.deal_attributions', aggregateId),
        { kind: 'destroy-key', owner: event.data.keyOwner },
      ];
    case 'DealCreated':
    case 'DealChanged':
    case 'DealAssigned':
    case 'DealDeleted':
    case 'DealRestored': {
      const row = projectRecord<'Deal', DealFields & DealPlace>({ table: 'read.deals', columns }, 'Deal', { ...recorded, event });
      return event.type === 'DealCreated' ? [...row, ...attributionRow(aggregateId, event.data.attribution, version)] : row;
    }
  }
}

/** Masked values, in a table that only those with `attribution.view` are read from. */
function attributionRow(dealId: string, attribution: DealAttribution | null, version: number): readonly RowChange[] {
  if (attribution === null || attribution.isErased) return [];
  const values = Object.entries(attribution.expose()).map(([key, { masked }]) => [key, masked] as const);
  return [insertRow('read.deal_attributions', { deal_id: dealId, values: JSON.stringify(Object.fromEntries(values)), version })];
}
