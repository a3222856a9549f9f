import type { Aggregate, RecordedEvent } from '../log/aggregate.js';
import type { Statement } from '#event-store';
import { RAISE_AUTHZ_VERSION } from '../authz/authz-version.js';
import { insertRow, updateRow, type Columns } from '../records/record.projection.js';
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
function project({ event, aggregateId, version }: RecordedEvent<RoleEvent>): readonly Statement[] {
  const row =
    event.type === 'RoleCreated'
      ? insertRow('read.roles', { id: aggregateId, ...columns(event.data), version })
      : updateRow('read.roles', aggregateId, { ...columns(event.data), version });
  return [row, RAISE_AUTHZ_VERSION];
}

export const roleAggregate: Aggregate<RoleState, RoleCommand, RoleEvent> = {
  ...roleDecider,
  category: 'role',
  sealed: false,
  eventVersions: ROLE_EVENT_VERSIONS,
  project,
};
