import { nothingWeakened } from '../authz/weakened-rights.js';
import type { Aggregate } from '../log/aggregate.js';
import { userDecider, type UserCommand, type UserState } from './domain/user.decider.js';
import { USER_EVENT_VERSIONS, type UserEvent } from './domain/user.events.js';
import { projectUser } from './read-model/user.projection.js';

export const userAggregate: Aggregate<UserState, UserCommand, UserEvent> = {
  ...userDecider,
  category: 'user',
  sealed: false,
  eventVersions: USER_EVENT_VERSIONS,
  upcasters: {
    UserCreated: { 1: nothingWeakened },
    UserInvited: { 1: nothingWeakened },
    UserChanged: { 1: nothingWeakened },
    UserReactivated: {
      1: (data, { at }) => ({ ...data, since: at }),
      2: (data) => ({ ...data, status: 'active' }),
    },
  },
  project: projectUser,
};
