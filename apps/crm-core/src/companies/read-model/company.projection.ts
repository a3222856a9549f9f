import type { ProjectionTools, ProjectedEvent } from '../../log/aggregate.js';
import { maskedText, maskedTextOrNull } from '../../records/domain/personal-text.js';
import { nameColumns, pointsColumn, projectRecord, vaultPoints } from '../../records/record.projection.js';
import type { Columns, RowChange } from '../../log/row-change.js';
import type { CompanyEvent, CompanyFields } from '../domain/company.events.js';

/** The columns of `read.companies` for the fields given: masked, whatever they hold. */
function columns(fields: Partial<CompanyFields>): Columns {
  return {
    ...(fields.name === undefined ? {} : nameColumns('name', fields.name)),
    ...(fields.phones === undefined ? {} : { phones: pointsColumn(fields.phones) }),
    ...(fields.emails === undefined ? {} : { emails: pointsColumn(fields.emails) }),
    ...(fields.website === undefined ? {} : { website: maskedTextOrNull(fields.website) }),
    ...(fields.address === undefined ? {} : { address: maskedTextOrNull(fields.address) }),
    ...(fields.note === undefined ? {} : { note: maskedTextOrNull(fields.note) }),
    ...(fields.tags === undefined ? {} : { tags: fields.tags.map(maskedText) }),
  };
}

export function projectCompany(recorded: ProjectedEvent<CompanyEvent>, tools: ProjectionTools): readonly RowChange[] {
  const { event, aggregateId } = recorded;
  const { phones, emails } = event.data as Partial<CompanyFields>;
  const isNew = event.type === 'CompanyCreated';
  return [
    ...projectRecord({ table: 'read.companies', columns }, 'Company', recorded),
    ...(phones === undefined ? [] : vaultPoints('company', aggregateId, 'phone', phones, tools, isNew)),
    ...(emails === undefined ? [] : vaultPoints('company', aggregateId, 'email', emails, tools, isNew)),
  ];
}
