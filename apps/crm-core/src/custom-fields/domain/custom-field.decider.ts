import { refuse, refuseField, type Decider } from '#kernel';
import type { CustomFieldDefinition, CustomFieldEvent } from './custom-field.events.js';

export type CustomFieldState = { readonly phase: 'none' | 'live' | 'deleted' };
export type CustomFieldCommand =
  { readonly type: 'define'; readonly definition: CustomFieldDefinition } | { readonly type: 'delete' };

/** A field is defined once and deleted once; what is deleted does not come back. */
export const customFieldDecider: Decider<CustomFieldState, CustomFieldCommand, CustomFieldEvent> = {
  initialState: { phase: 'none' },
  decide(command, state) {
    if (command.type === 'delete')
      return state.phase === 'live' ? [{ type: 'CustomFieldDeleted', data: {} }] : refuse('not-found');
    if (state.phase !== 'none') return refuse('already-exists');
    const { choices } = command.definition;
    // Judged here: two choices can be alike once their numbers are masked.
    if (choices !== null && new Set(choices).size < choices.length) {
      return refuseField('validation-failed', 'choices', 'The same choice twice');
    }
    return [{ type: 'CustomFieldDefined', data: command.definition }];
  },
  evolve(_state, event): CustomFieldState {
    switch (event.type) {
      case 'CustomFieldDefined':
        return { phase: 'live' };
      case 'CustomFieldDeleted':
        return { phase: 'deleted' };
    }
  },
};
