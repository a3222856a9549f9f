import { refuse, type Decider } from '#kernel';
import { recordDecider, type RecordCommand, type RecordState } from '../../records/domain/record.decider.js';
import type { ContactEvent, ContactFields, Erasure } from './contact.events.js';

export type ContactState = RecordState<ContactFields>;
export type ContactCommand = RecordCommand<ContactFields> | { readonly type: 'erase'; readonly erasure: Erasure };

const shared = recordDecider<'Contact', ContactFields>('Contact');

/** The shared rules of records, and erasing: whoever is there, hidden or not, is gone for good. */
export const contactDecider: Decider<ContactState, ContactCommand, ContactEvent> = {
  initialState: shared.initialState,
  decide(command, state): readonly ContactEvent[] {
    if (command.type !== 'erase') return shared.decide(command, state);
    if (state.phase === 'none') return refuse('not-found');
    if (state.phase === 'erased') return refuse('erased');
    return [{ type: 'ContactErased', data: command.erasure }];
  },
  evolve(state, event): ContactState {
    if (event.type !== 'ContactErased') return shared.evolve(state, event);
    return state.phase === 'none' ? state : { ...state, phase: 'erased' };
  },
};
