import { keyOwner, streamOf, type ProjectionTools, type ProjectedEvent } from '../../log/aggregate.js';
import { maskedText, maskedTextOrNull } from '../../records/domain/personal-text.js';
import { nameColumns, pointsColumn, projectRecord, vaultPoints } from '../../records/record.projection.js';
import { insertRow, removeRow, type Columns, type RowChange } from '../../log/row-change.js';
import type { ContactEvent, ContactFields } from '../domain/contact.events.js';

/** The columns of `read.contacts` for the fields given: masked, whatever they hold. */
function columns(fields: Partial<ContactFields>): Columns {
  return {
    ...(fields.name === undefined ? {} : nameColumns('name', fields.name)),
    ...(fields.phones === undefined ? {} : { phones: pointsColumn(fields.phones) }),
    ...(fields.emails === undefined ? {} : { emails: pointsColumn(fields.emails) }),
    ...(fields.companyId === undefined ? {} : { company_id: fields.companyId }),
    ...(fields.note === undefined ? {} : { note: maskedTextOrNull(fields.note) }),
    ...(fields.tags === undefined ? {} : { tags: fields.tags.map(maskedText) }),
  };
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
