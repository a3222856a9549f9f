import type { Statement } from '#event-store';
import type { RecordedEvent } from '../../log/aggregate.js';
import { insertRow } from '../../records/record.projection.js';
import type { FormEvent } from '../domain/form.events.js';

/** Event → rows of `read.forms`. What is no column of its own stands in `settings`. */
export function projectForm({ event, aggregateId, version }: RecordedEvent<FormEvent>): readonly Statement[] {
  if (event.type === 'FormCreated') {
    const { key, name, enabled, ...settings } = event.data;
    return [insertRow('read.forms', { id: aggregateId, key, name, enabled, settings: JSON.stringify(settings), version })];
  }
  const { name, enabled, ...settings } = event.data;
  return [
    {
      name: 'change form',
      text: `UPDATE read.forms SET name = coalesce($2, name), enabled = coalesce($3, enabled), settings = settings || $4::jsonb, version = $5
             WHERE id = $1 AND version < $5`,
      values: [aggregateId, name ?? null, enabled ?? null, JSON.stringify(settings), version],
    },
  ];
}
