import { assertNever, refuse, type Decider } from '#kernel';
import { changedFields } from '../../records/domain/record.decider.js';
import type { WeakenedRight } from '../../authz/weakened-rights.js';
import type { DeactivationCause, UserEvent, UserFields } from './user.events.js';

export type UserState =
  | { readonly phase: 'none' }
  | {
      readonly phase: 'invited' | 'active' | 'deactivated';
      /** What he is while he is not deactivated. */
      readonly standing: 'invited' | 'active';
      readonly fields: UserFields;
      readonly epoch: number;
    };

export type UserCommand =
  | { readonly type: 'create'; readonly fields: UserFields; readonly weakened: readonly WeakenedRight[] }
  | { readonly type: 'invite'; readonly fields: UserFields; readonly weakened: readonly WeakenedRight[] }
  | { readonly type: 'activate' }
  | { readonly type: 'change'; readonly changes: Partial<UserFields>; readonly weakened: readonly WeakenedRight[] }
  | { readonly type: 'deactivate'; readonly cause: DeactivationCause }
  /** `isHeld`: a hold of the present epoch stands, which reactivation lifts. `since`: the moment, by the database's clock. */
  | { readonly type: 'reactivate'; readonly reason: string; readonly isHeld: boolean; readonly since: string };

/** The rules of an account. Each reactivation begins a new epoch: older sessions, holds and counts end with the one before. */
export const userDecider: Decider<UserState, UserCommand, UserEvent> = {
  initialState: { phase: 'none' },
  decide(command, state) {
    if (command.type === 'create' || command.type === 'invite') {
      if (state.phase !== 'none') return refuse('already-exists');
      const { fields, weakened } = command;
      return [{ type: command.type === 'create' ? 'UserCreated' : 'UserInvited', data: { ...fields, weakened } }];
    }
    if (state.phase === 'none') return refuse('not-found');
    switch (command.type) {
      case 'change': {
        const changes = changedFields(state.fields, command.changes);
        return Object.keys(changes).length === 0
          ? []
          : [{ type: 'UserChanged', data: { ...changes, weakened: command.weakened } }];
      }
      case 'activate':
        if (state.standing === 'active') return [];
        return [{ type: 'UserActivated', data: { status: state.phase === 'deactivated' ? 'deactivated' : 'active' } }];
      case 'deactivate':
        if (state.phase === 'deactivated') return refuse('already-deactivated');
        return [{ type: 'UserDeactivated', data: { epoch: state.epoch, cause: command.cause } }];
      case 'reactivate':
        if (state.phase !== 'deactivated' && !command.isHeld) return refuse('already-active');
        return [
          {
            type: 'UserReactivated',
            data: { epoch: state.epoch + 1, since: command.since, reason: command.reason, status: state.standing },
          },
        ];
      default:
        return assertNever(command);
    }
  },
  evolve(state, event): UserState {
    if (event.type === 'UserCreated' || event.type === 'UserInvited') {
      const { weakened: _weakened, ...fields } = event.data;
      const standing = event.type === 'UserCreated' ? 'active' : 'invited';
      return { phase: standing, standing, fields, epoch: 0 };
    }
    if (state.phase === 'none') return state;
    switch (event.type) {
      case 'UserActivated':
        return { ...state, phase: event.data.status, standing: 'active' };
      case 'UserChanged': {
        const { weakened: _weakened, ...changes } = event.data;
        return { ...state, fields: { ...state.fields, ...changes } };
      }
      case 'UserDeactivated':
        return { ...state, phase: 'deactivated' };
      case 'UserReactivated':
        return { ...state, phase: event.data.status, epoch: event.data.epoch };
    }
  },
};
