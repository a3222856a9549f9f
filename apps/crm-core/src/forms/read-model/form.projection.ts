import type { ProjectedEvent } from '../../log/aggregate.js';
import { insertRow, updateRow, type RowChange } from '../../log/row-change.js';
import type { FormEvent } from '../domain/form.events.js';

/** Event → rows of `read.forms`. What is no column of its own stands in `settings`. A deleted form's row stays for its leads. */
export function projectForm({ event, aggregateId, version }: ProjectedEvent<FormEvent>): readonly RowChange[] {
  switch (event.type) {
    case 'FormCreated': {
      const { key, name, enabled, ...settings } = event.data;
      const row = { id: aggregateId, key, name, enabled, deleted: false, settings: JSON.stringify(settings), version };
      return [insertRow('read.forms', row)];
    }
    case 'FormChanged': {
      const { name, enabled, ...settings } = event.data;
      const set = { ...(name === undefined ? {} : { name }), ...(enabled === undefined ? {} : { enabled }) };
      return [{ kind: 'update', table: 'read.forms', key: aggregateId, version, set, merge: { settings } }];
    }
    case 'FormKeyRotated':
      return [updateRow('read.forms', aggregateId, version, { key: event.data.key })];
    case 'FormDeleted':
      return [updateRow('read.forms', aggregateId, version, { deleted: true })];
  }
}
