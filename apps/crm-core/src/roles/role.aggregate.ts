import type { Aggregate, RecordedEvent } from '../log/aggregate.js';
import { insertRow, RAISE_AUTHZ, updateRow, type Columns, type RowChange } from '../log/row-change.js';
import {
  ROLE_EVENT_VERSIONS,
  roleDecider,
  type RoleCommand,
  type RoleEvent,
  type RoleFields,
  type RoleState,
} from './domain/role.decider.js';

function columns({ name, extendsId, grants }: Partial<RoleFields>): Columns {
  return {
    ...(name === undefined ? {} : { name }),
    ...(extendsId === undefined ? {} : { extends_id: extendsId }),
    ...(grants === undefined ? {} : { grants: JSON.stringify(grants) }),
  };
}

/** Event → rows of `read.roles`. */
function project({ event, aggregateId, version }: RecordedEvent<RoleEvent>): readonly RowChange[] {
  const row =
    event.type === 'RoleCreated'
      ? insertRow('read.roles', { id: aggregateId, ...columns(event.data), version })
      : updateRow('read.roles', aggregateId, version, columns(event.data));
  return [row, RAISE_AUTHZ];
}

export const roleAggregate: Aggregate<RoleState, RoleCommand, RoleEvent> = {
  ...roleDecider,
  category: 'role',
  sealed: false,
  eventVersions: ROLE_EVENT_VERSIONS,
  project,
};
