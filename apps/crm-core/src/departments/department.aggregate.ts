import type { Aggregate, RecordedEvent } from '../log/aggregate.js';
import { insertRow, RAISE_AUTHZ, updateRow, type Columns, type RowChange } from '../log/row-change.js';
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

/** Event → rows of `read.departments`. */
function project({ event, aggregateId, version }: RecordedEvent<DepartmentEvent>): readonly RowChange[] {
  const row =
    event.type === 'DepartmentCreated'
      ? insertRow('read.departments', { id: aggregateId, ...columns(event.data), version })
      : updateRow('read.departments', aggregateId, version, columns(event.data));
  return [row, RAISE_AUTHZ];
}

export const departmentAggregate: Aggregate<DepartmentState, DepartmentCommand, DepartmentEvent> = {
  ...departmentDecider,
  category: 'department',
  sealed: false,
  eventVersions: DEPARTMENT_EVENT_VERSIONS,
  project,
};
