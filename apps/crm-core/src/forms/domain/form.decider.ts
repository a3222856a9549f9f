import { refuse, type Decider } from '#kernel';
import { changedFields } from '../../records/domain/record.decider.js';
import type { FormEvent, FormFields } from './form.events.js';

export type FormState = { readonly phase: 'none' } | { readonly phase: 'live'; readonly fields: FormFields };
export type FormCommand =
  | { readonly type: 'create'; readonly fields: FormFields; readonly key: string }
  | { readonly type: 'change'; readonly changes: Partial<FormFields> };

export const formDecider: Decider<FormState, FormCommand, FormEvent> = {
  initialState: { phase: 'none' },
  decide(command, state) {
    if (command.type === 'create') {
      if (state.phase !== 'none') return refuse('already-exists');
      return [{ type: 'FormCreated', data: { ...command.fields, key: command.key } }];
    }
    if (state.phase === 'none') return refuse('not-found');
    const changes = changedFields(state.fields, command.changes);
    return Object.keys(changes).length === 0 ? [] : [{ type: 'FormChanged', data: changes }];
  },
  evolve(state, event): FormState {
    switch (event.type) {
      case 'FormCreated': {
        const { key: _key, ...fields } = event.data;
        return { phase: 'live', fields };
      }
      case 'FormChanged':
        return state.phase === 'none' ? state : { ...state, fields: { ...state.fields, ...event.data } };
    }
  },
};
