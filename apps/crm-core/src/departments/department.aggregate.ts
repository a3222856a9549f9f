import type { Aggregate, RecordedEvent } from '../log/aggregate.js';
import type { Statement } from '#event-store';
import { RAISE_AUTHZ_VERSION } from '../authz/authz-version.js';
import { insertRow, updateRow, type Columns } from '../records/record.projection.js';
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
function project({ event, aggregateId, version }: RecordedEvent<DepartmentEvent>): readonly Statement[] {
  const row =
    event.type === 'DepartmentCreated'
      ? insertRow('read.departments', { id: aggregateId, ...columns(event.data), version })
      : updateRow('read.departments', aggregateId, { ...columns(event.data), version });
  return [row, RAISE_AUTHZ_VERSION];
}

export const departmentAggregate: Aggregate<DepartmentState, DepartmentCommand, DepartmentEvent> = {
  ...departmentDecider,
  category: 'department',
  sealed: false,
  eventVersions: DEPARTMENT_EVENT_VERSIONS,
  project,
};
