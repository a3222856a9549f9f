import { nothingWeakened } from '../authz/weakened-rights.js';
import type { Aggregate, ProjectedEvent } from '../log/aggregate.js';
import { insertRow, RAISE_AUTHZ, removeRow, updateRow, type Columns, type RowChange } from '../log/row-change.js';
import {
  DEPARTMENT_EVENT_VERSIONS,
  departmentDecider,
  type DepartmentCommand,
  type DepartmentEvent,
  type DepartmentFields,
  type DepartmentState,
} from './domain/department.decider.js';

function columns({ name, parentId }: Partial<DepartmentFields>): Columns {
  return { ...(name === undefined ? {} : { name }), ...(parentId === undefined ? {} : { parent_id: parentId }) };
}

function rowChange({ event, aggregateId, version }: ProjectedEvent<DepartmentEvent>): RowChange {
  switch (event.type) {
    case 'DepartmentCreated':
      return insertRow('read.departments', { id: aggregateId, ...columns(event.data), role_ids: [], version });
    case 'DepartmentChanged':
      return updateRow('read.departments', aggregateId, version, columns(event.data));
    case 'DepartmentRolesChanged':
      return updateRow('read.departments', aggregateId, version, { role_ids: event.data.roleIds });
    case 'DepartmentDeleted':
      return removeRow('read.departments', aggregateId);
  }
}

/** Event → rows of `read.departments`. */
const project = (recorded: ProjectedEvent<DepartmentEvent>): readonly RowChange[] => [rowChange(recorded), RAISE_AUTHZ];

export const departmentAggregate: Aggregate<DepartmentState, DepartmentCommand, DepartmentEvent> = {
  ...departmentDecider,
  category: 'department',
  sealed: false,
  eventVersions: DEPARTMENT_EVENT_VERSIONS,
  upcasters: { DepartmentChanged: { 1: nothingWeakened }, DepartmentRolesChanged: { 1: nothingWeakened } },
  project,
};
