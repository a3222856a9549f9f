import type { ProjectedEvent } from '../../log/aggregate.js';
import { insertRow, removeRow, type RowChange } from '../../log/row-change.js';
import type { CustomFieldEvent } from '../domain/custom-field.events.js';

/** Event → rows of `read.custom_fields`. Values of a deleted field stay where they are: without its row nobody is shown them. */
export function projectCustomField({ event, aggregateId, version }: ProjectedEvent<CustomFieldEvent>): readonly RowChange[] {
  if (event.type === 'CustomFieldDeleted') return [removeRow('read.custom_fields', aggregateId)];
  const { recordType, name, type, choices } = event.data;
  return [insertRow('read.custom_fields', { id: aggregateId, record_type: recordType, name, type, choices, version })];
}
