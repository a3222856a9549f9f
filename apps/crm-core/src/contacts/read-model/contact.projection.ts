import { keyOwner, streamOf, type ProjectionTools, type ProjectedEvent } from '../../log/aggregate.js';
import { maskedText, maskedTextOrNull } from '../../records/domain/personal-text.js';
import { pointsColumn, projectRecord, setName, vaultPoints } from '../../records/record.projection.js';
import { insertRow, removeRow, type RowChange } from '../../log/row-change.js';
import type { ContactEvent, ContactFields } from '../domain/contact.events.js';

/** The columns of `read.contacts` for the fields given: masked, whatever they hold. */
function columns(fields: Partial<ContactFields>): Record<string, unknown> {
  // Not by spreading, one part after another: a rebuild makes a million of these.
  const row: Record<string, unknown> = {};
  if (fields.name !== undefined) setName(row, 'name', fields.name);
  if (fields.phones !== undefined) row['phones'] = pointsColumn(fields.phones);
  if (fields.emails !== undefined) row['emails'] = pointsColumn(fields.emails);
  if (fields.companyId !== undefined) row['company_id'] = fields.companyId;
  if (fields.note !== undefined) row['note'] = maskedTextOrNull(fields.note);
  if (fields.tags !== undefined) row['tags'] = fields.tags.map(maskedText);
  return row;
}

export function projectContact(recorded: ProjectedEvent<ContactEvent>, tools: ProjectionTools): readonly RowChange[] {
  const { event, aggregateId } = recorded;
  if (event.type === 'ContactErased') return erased({ ...recorded, event });
  const { phones, emails } = event.data as Partial<ContactFields>;
  const isNew = event.type === 'ContactCreated';
  return [
    ...projectRecord({ table: 'read.contacts', columns }, 'Contact', { ...recorded, event }),
    ...(phones === undefined ? [] : vaultPoints('contact', aggregateId, 'phone', phones, tools, isNew)),
    ...(emails === undefined ? [] : vaultPoints('contact', aggregateId, 'email', emails, tools, isNew)),
  ];
}

/** Nothing of the person is left: row, numbers, lookup values, key. The act stays, and who was responsible decides who hears of it. */
function erased(recorded: ProjectedEvent<Extract<ContactEvent, { type: 'ContactErased' }>>): readonly RowChange[] {
  const { event, aggregateId, version, metadata } = recorded;
  const { responsibleId, ...act } = event.data;
  const points = (pointKind: 'phone' | 'email'): RowChange => {
    return { kind: 'points', recordType: 'contact', recordId: aggregateId, pointKind, points: [], isNew: false };
  };
  return [
    insertRow('read.erasures', {
      contact_id: aggregateId,
      responsible_id: responsibleId,
      erased_at: metadata.at,
      erased_by: metadata.actorId,
      act: JSON.stringify(act),
      version,
    }),
    removeRow('read.contacts', aggregateId),
    points('phone'),
    points('email'),
    { kind: 'destroy-key', owner: keyOwner(streamOf({ category: 'contact' }, aggregateId), 0) },
  ];
}
