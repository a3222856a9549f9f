import type { Aggregate, ProjectedEvent } from '../log/aggregate.js';
import { insertRow, RAISE_AUTHZ, removeRow, updateRow, type Columns, type RowChange } from '../log/row-change.js';
import {
  ROLE_EVENT_VERSIONS,
  roleDecider,
  type RoleCommand,
  type RoleEvent,
  type RoleFields,
  type RoleState,
} from './domain/role.decider.js';

function columns({ name, extendsId, grants, requireSecondFactor }: Partial<RoleFields>): Columns {
  return {
    ...(name === undefined ? {} : { name }),
    ...(extendsId === undefined ? {} : { extends_id: extendsId }),
    ...(grants === undefined ? {} : { grants: JSON.stringify(grants) }),
    ...(requireSecondFactor === undefined ? {} : { require_second_factor: requireSecondFactor }),
  };
}

function rowChange({ event, aggregateId, version }: ProjectedEvent<RoleEvent>): RowChange {
  switch (event.type) {
    case 'RoleCreated':
      return insertRow('read.roles', { id: aggregateId, ...columns(event.data), version });
    case 'RoleChanged':
      return updateRow('read.roles', aggregateId, version, columns(event.data));
    case 'RoleDeleted':
      return removeRow('read.roles', aggregateId);
  }
}

/** Event → rows of `read.roles`. */
const project = (recorded: ProjectedEvent<RoleEvent>): readonly RowChange[] => [rowChange(recorded), RAISE_AUTHZ];

export const roleAggregate: Aggregate<RoleState, RoleCommand, RoleEvent> = {
  ...roleDecider,
  category: 'role',
  sealed: false,
  eventVersions: ROLE_EVENT_VERSIONS,
  upcasters: {
    RoleCreated: { 1: (data) => ({ ...data, requireSecondFactor: false }) },
    RoleChanged: { 1: (data) => data },
  },
  project,
};
