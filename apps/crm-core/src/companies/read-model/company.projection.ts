import type { ProjectionTools, ProjectedEvent } from '../../log/aggregate.js';
import { maskedText, maskedTextOrNull } from '../../records/domain/personal-text.js';
import { pointsColumn, projectRecord, setName, vaultPoints } from '../../records/record.projection.js';
import type { RowChange } from '../../log/row-change.js';
import type { CompanyEvent, CompanyFields } from '../domain/company.events.js';

/** The columns of `read.companies` for the fields given: masked, whatever they hold. */
function columns(fields: Partial<CompanyFields>): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  if (fields.name !== undefined) setName(row, 'name', fields.name);
  if (fields.phones !== undefined) row['phones'] = pointsColumn(fields.phones);
  if (fields.emails !== undefined) row['emails'] = pointsColumn(fields.emails);
  if (fields.website !== undefined) row['website'] = maskedTextOrNull(fields.website);
  if (fields.address !== undefined) row['address'] = maskedTextOrNull(fields.address);
  if (fields.note !== undefined) row['note'] = maskedTextOrNull(fields.note);
  if (fields.tags !== undefined) row['tags'] = fields.tags.map(maskedText);
  return row;
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
