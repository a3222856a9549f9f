import { assertNever, refuse, type Decider } from '#kernel';
import { changedFields } from '../../records/domain/record.decider.js';
import type { DeactivationCause, UserEvent, UserFields } from './user.events.js';

export type UserState =
  { readonly phase: 'none' } | { readonly phase: 'active' | 'deactivated'; readonly fields: UserFields; readonly epoch: number };

export type UserCommand =
  | { readonly type: 'create'; readonly fields: UserFields }
  | { readonly type: 'change'; readonly changes: Partial<UserFields> }
  | { readonly type: 'deactivate'; readonly cause: DeactivationCause }
  /** `isHeld`: a hold of the present epoch stands, which reactivation lifts. `since`: the moment, by the database's clock. */
  | { readonly type: 'reactivate'; readonly reason: string; readonly isHeld: boolean; readonly since: string };

/** The rules of an account. Each reactivation begins a new epoch: older sessions, holds and counts end with the one before. */
export const userDecider: Decider<UserState, UserCommand, UserEvent> = {
  initialState: { phase: 'none' },
  decide(command, state) {
    if (command.type === 'create') {
      return state.phase === 'none' ? [{ type: 'UserCreated', data: command.fields }] : refuse('already-exists');
    }
    if (state.phase === 'none') return refuse('not-found');
    switch (command.type) {
      case 'change': {
        const changes = changedFields(state.fields, command.changes);
        return Object.keys(changes).length === 0 ? [] : [{ type: 'UserChanged', data: changes }];
      }
      case 'deactivate':
        if (state.phase === 'deactivated') return refuse('already-deactivated');
        return [{ type: 'UserDeactivated', data: { epoch: state.epoch, cause: command.cause } }];
      case 'reactivate':
        if (state.phase === 'active' && !command.isHeld) return refuse('already-active');
        return [{ type: 'UserReactivated', data: { epoch: state.epoch + 1, since: command.since, reason: command.reason } }];
      default:
        return assertNever(command);
    }
  },
  evolve(state, event): UserState {
    if (event.type === 'UserCreated') return { phase: 'active', fields: event.data, epoch: 0 };
    if (state.phase === 'none') return state;
    switch (event.type) {
      case 'UserChanged':
        return { ...state, fields: { ...state.fields, ...event.data } };
      case 'UserDeactivated':
        return { ...state, phase: 'deactivated' };
      case 'UserReactivated':
        return { ...state, phase: 'active', epoch: event.data.epoch };
    }
  },
};
