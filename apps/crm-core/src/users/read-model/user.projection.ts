import type { ProjectedEvent } from '../../log/aggregate.js';
import { insertRow, RAISE_AUTHZ, updateRow, type Columns, type RowChange } from '../../log/row-change.js';
import type { UserEvent, UserFields } from '../domain/user.events.js';

function columns(fields: Partial<UserFields>): Columns {
  return {
    ...(fields.email === undefined ? {} : { email: fields.email }),
    ...(fields.name === undefined ? {} : { name: fields.name }),
    ...(fields.roleIds === undefined ? {} : { role_ids: fields.roleIds }),
    ...(fields.departmentId === undefined ? {} : { department_id: fields.departmentId }),
    ...(fields.isAdmin === undefined ? {} : { is_admin: fields.isAdmin }),
  };
}

/** Of the person's columns those that rights hang on. */
function principalColumns({ email: _email, name: _name, ...rights }: Columns): Columns {
  return rights;
}

/** Event → rows of `read.users` and `read.principals`. */
export function projectUser({ event, aggregateId, version, metadata }: ProjectedEvent<UserEvent>): readonly RowChange[] {
  const { at } = metadata;
  const both = (set: Columns, rights: Columns = principalColumns(set)): readonly RowChange[] => [
    updateRow('read.users', aggregateId, version, { ...set, updated_at: at }),
    updateRow('read.principals', aggregateId, version, rights),
    RAISE_AUTHZ,
  ];
  switch (event.type) {
    case 'UserCreated':
    case 'UserInvited': {
      const set = { ...columns(event.data), status: event.type === 'UserCreated' ? 'active' : 'invited' };
      return [
        insertRow('read.users', { id: aggregateId, ...set, created_at: at, updated_at: at, version }),
        insertRow('read.principals', { user_id: aggregateId, ...principalColumns(set), epoch: 0, epoch_since: at, version }),
        RAISE_AUTHZ,
      ];
    }
    case 'UserChanged':
      return both(columns(event.data));
    case 'UserActivated':
      return both({ status: event.data.status });
    case 'UserDeactivated':
      return both({ status: 'deactivated' });
    case 'UserReactivated': {
      const { epoch, since, status } = event.data;
      return both({ status }, { status, epoch, epoch_since: since });
    }
  }
}
