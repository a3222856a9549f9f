import type { Statement } from '#event-store';
import type { RecordedEvent } from '../../log/aggregate.js';
import { RAISE_AUTHZ_VERSION } from '../../authz/authz-version.js';
import { insertRow, updateRow, type Columns } from '../../records/record.projection.js';
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

/** Of the person's columns those that rights hang on. Roles of departments are not given yet, so his own are the effective ones. */
function principalColumns({ email: _email, name: _name, ...rights }: Columns): Columns {
  return rights;
}

/** Event → rows of `read.users` and `read.principals`. An epoch begins by the database's clock, the one that limits use. */
export function projectUser({ event, aggregateId, version, metadata }: RecordedEvent<UserEvent>): readonly Statement[] {
  const { at } = metadata;
  const both = (set: Columns): readonly Statement[] => [
    updateRow('read.users', aggregateId, { ...set, updated_at: at, version }),
    updateRow('read.principals', aggregateId, { ...principalColumns(set), version }, 'user_id'),
    RAISE_AUTHZ_VERSION,
  ];
  switch (event.type) {
    case 'UserCreated': {
      const set = { ...columns(event.data), status: 'active' };
      return [
        insertRow('read.users', { id: aggregateId, ...set, created_at: at, updated_at: at, version }),
        insertRow('read.principals', { user_id: aggregateId, ...principalColumns(set), epoch: 0, epoch_since: at, version }),
        RAISE_AUTHZ_VERSION,
      ];
    }
    case 'UserChanged':
      return both(columns(event.data));
    case 'UserDeactivated':
      return both({ status: 'deactivated' });
    case 'UserReactivated':
      return [
        {
          name: 'begin epoch',
          text: `UPDATE read.principals SET epoch = $2, epoch_since = clock_timestamp() WHERE user_id = $1 AND epoch < $2`,
          values: [aggregateId, event.data.epoch],
        },
        ...both({ status: 'active' }),
      ];
  }
}
