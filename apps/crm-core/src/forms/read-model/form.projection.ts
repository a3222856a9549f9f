import type { RecordedEvent } from '../../log/aggregate.js';
import { insertRow, type RowChange } from '../../log/row-change.js';
import type { FormEvent } from '../domain/form.events.js';

/** Event → rows of `read.forms`. What is no column of its own stands in `settings`. */
export function projectForm({ event, aggregateId, version }: RecordedEvent<FormEvent>): readonly RowChange[] {
  if (event.type === 'FormCreated') {
    const { key, name, enabled, ...settings } = event.data;
    return [insertRow('read.forms', { id: aggregateId, key, name, enabled, settings: JSON.stringify(settings), version })];
  }
  const { name, enabled, ...settings } = event.data;
  const set = { ...(name === undefined ? {} : { name }), ...(enabled === undefined ? {} : { enabled }) };
  return [{ kind: 'update', table: 'read.forms', key: aggregateId, version, set, merge: { settings } }];
}
