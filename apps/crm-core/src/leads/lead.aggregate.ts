import { refuse } from '#kernel';
import { keyOwner, streamOf, type Aggregate } from '../log/aggregate.js';
import { LEAD_EVENT_VERSIONS, type AcceptedLead, type LeadEvent } from './domain/lead.events.js';

export type LeadState = { readonly phase: 'none' | 'accepted' | 'erased' };
export type LeadCommand =
  { readonly type: 'accept'; readonly data: AcceptedLead } | { readonly type: 'erase'; readonly contactId: string };

/** A lead is accepted once. It has no read model of its own: what it became is a contact and a deal. */
export const leadAggregate: Aggregate<LeadState, LeadCommand, LeadEvent> = {
  initialState: { phase: 'none' },
  decide(command, { phase }) {
    if (command.type === 'accept') {
      return phase === 'none' ? [{ type: 'LeadAccepted', data: command.data }] : refuse('already-exists');
    }
    return phase === 'accepted' ? [{ type: 'LeadErased', data: { contactId: command.contactId } }] : [];
  },
  evolve(_, event) {
    switch (event.type) {
      case 'LeadAccepted':
        return { phase: 'accepted' };
      case 'LeadErased':
        return { phase: 'erased' };
    }
  },
  category: 'lead',
  sealed: true,
  eventVersions: LEAD_EVENT_VERSIONS,
  erasedBy: 'LeadErased',
  project({ event, aggregateId }) {
    if (event.type !== 'LeadErased') return [];
    return [{ kind: 'destroy-key', owner: keyOwner(streamOf({ category: 'lead' }, aggregateId), 0) }];
  },
};
