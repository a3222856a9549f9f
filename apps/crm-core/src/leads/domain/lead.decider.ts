import { refuse, type Decider, type Secret } from '#kernel';
import type { AcceptedLead, LeadEvent, MaskedLead, QuarantinedLead, SentLead, SetAsideLead } from './lead.events.js';

interface Waiting {
  readonly formId: string;
  readonly receivedAt: string;
}

/** `erased` after `declined`: nothing is left of it, and the same lead is not taken again. */
export type LeadState =
  | { readonly phase: 'none' | 'accepted' | 'declined' | 'erased' }
  | (Waiting & { readonly phase: 'quarantined'; readonly content: Secret<{ sent: SentLead; masked: MaskedLead }> })
  | (Waiting & { readonly phase: 'set-aside'; readonly content: Secret<{ received: string; masked: MaskedLead | null }> });

export type LeadCommand =
  | { readonly type: 'accept'; readonly data: AcceptedLead }
  | { readonly type: 'quarantine'; readonly data: QuarantinedLead }
  | { readonly type: 'set-aside'; readonly data: SetAsideLead }
  | { readonly type: 'decline' }
  | { readonly type: 'erase'; readonly contactId: string };

/**
 * A lead is accepted once: when it comes, or from where it waits. What waits can be declined instead, and then nothing of it is
 * left. Accepting or declining again is no event; the one after the other is refused.
 */
export const leadDecider: Decider<LeadState, LeadCommand, LeadEvent> = {
  initialState: { phase: 'none' },
  decide(command, { phase }): readonly LeadEvent[] {
    switch (command.type) {
      case 'accept':
        if (phase === 'accepted') return [];
        if (phase === 'declined' || phase === 'erased') return refuse('lead-settled');
        return [...released(phase), { type: 'LeadAccepted', data: command.data }];
      case 'quarantine':
        return phase === 'none' || phase === 'set-aside'
          ? [...released(phase), { type: 'LeadQuarantined', data: command.data }]
          : refuse('lead-settled');
      case 'set-aside':
        return phase === 'none' ? [{ type: 'LeadSetAside', data: command.data }] : [];
      case 'decline':
        if (phase === 'none') return refuse('not-found');
        if (phase === 'declined') return [];
        if (phase === 'accepted' || phase === 'erased') return refuse('lead-settled');
        return [
          { type: 'LeadDeclined', data: {} },
          { type: 'LeadErased', data: { contactId: null } },
        ];
      case 'erase':
        if (phase === 'none' || phase === 'declined' || phase === 'erased') return [];
        return [{ type: 'LeadErased', data: { contactId: command.contactId } }];
    }
  },
  evolve(state, event): LeadState {
    switch (event.type) {
      case 'LeadAccepted':
        return { phase: 'accepted' };
      case 'LeadQuarantined': {
        const { formId, receivedAt, content } = event.data;
        return { phase: 'quarantined', formId, receivedAt, content };
      }
      case 'LeadSetAside': {
        const { formId, receivedAt, content } = event.data;
        return { phase: 'set-aside', formId, receivedAt, content };
      }
      case 'LeadReleased':
        return state;
      case 'LeadDeclined':
        return { phase: 'declined' };
      case 'LeadErased':
        return state.phase === 'declined' ? state : { phase: 'erased' };
    }
  },
};

/** Who let it go on stands in the trail by this; a lead that comes in needs nobody's word. */
function released(phase: LeadState['phase']): readonly LeadEvent[] {
  return phase === 'quarantined' || phase === 'set-aside' ? [{ type: 'LeadReleased', data: { from: phase } }] : [];
}
