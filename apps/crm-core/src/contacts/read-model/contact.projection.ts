import type { ProjectionTools, RecordedEvent } from '../../log/aggregate.js';
import { maskedText, maskedTextOrNull } from '../../records/domain/personal-text.js';
import { nameColumns, pointsColumn, projectRecord, vaultPoints } from '../../records/record.projection.js';
import type { Columns, RowChange } from '../../log/row-change.js';
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

export function projectContact(recorded: RecordedEvent<ContactEvent>, tools: ProjectionTools): readonly RowChange[] {
  const { event, aggregateId } = recorded;
  const { phones, emails } = event.data as Partial<ContactFields>;
  const isNew = event.type === 'ContactCreated';
  return [
    ...projectRecord({ table: 'read.contacts', columns }, 'Contact', recorded),
    ...(phones === undefined ? [] : vaultPoints('contact', aggregateId, 'phone', phones, tools, isNew)),
    ...(emails === undefined ? [] : vaultPoints('contact', aggregateId, 'email', emails, tools, isNew)),
  ];
}
