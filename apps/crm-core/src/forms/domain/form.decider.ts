import { assertNever, refuse, refuseField, type Decider } from '#kernel';
import { changedFields } from '../../records/domain/record.decider.js';
import type { FormEvent, FormFields } from './form.events.js';

/** A deleted form is gone: nothing happens to it any more. */
export type FormState = { readonly phase: 'none' } | { readonly phase: 'live' | 'deleted'; readonly fields: FormFields };
/** `hasSecret`: whether there is one now, this command's own included. */
export type FormCommand =
  | { readonly type: 'create'; readonly fields: FormFields; readonly key: string; readonly hasSecret: boolean }
  | { readonly type: 'change'; readonly changes: Partial<FormFields>; readonly hasSecret: boolean }
  | { readonly type: 'rotate-key'; readonly key: string }
  | { readonly type: 'delete' };

/** A demand that nobody could meet is none: signatures need a secret. */
function requireSecret({ requireSignature }: FormFields, hasSecret: boolean): void {
  if (requireSignature && !hasSecret) refuseField('validation-failed', 'secret', 'Give the secret that signatures are made with');
}

export const formDecider: Decider<FormState, FormCommand, FormEvent> = {
  initialState: { phase: 'none' },
  decide(command, state) {
    if (command.type === 'create') {
      if (state.phase !== 'none') return refuse('already-exists');
      requireSecret(command.fields, command.hasSecret);
      return [{ type: 'FormCreated', data: { ...command.fields, key: command.key } }];
    }
    if (state.phase !== 'live') return refuse('not-found');
    switch (command.type) {
      case 'change': {
        requireSecret({ ...state.fields, ...command.changes }, command.hasSecret);
        const changes = changedFields(state.fields, command.changes);
        return Object.keys(changes).length === 0 ? [] : [{ type: 'FormChanged', data: changes }];
      }
      case 'rotate-key':
        return [{ type: 'FormKeyRotated', data: { key: command.key } }];
      case 'delete':
        return [{ type: 'FormDeleted', data: {} }];
      default:
        return assertNever(command);
    }
  },
  evolve(state, event): FormState {
    switch (event.type) {
      case 'FormCreated': {
        const { key: _key, ...fields } = event.data;
        return { phase: 'live', fields };
      }
      case 'FormChanged':
        return state.phase === 'none' ? state : { ...state, fields: { ...state.fields, ...event.data } };
      case 'FormKeyRotated':
        return state;
      case 'FormDeleted':
        return state.phase === 'none' ? state : { ...state, phase: 'deleted' };
    }
  },
};
