import { refuse } from '#kernel';
import type { Aggregate } from '../log/aggregate.js';
import { LEAD_EVENT_VERSIONS, type LeadEvent } from './domain/lead.events.js';

export type LeadState = { readonly accepted: boolean };
export type LeadCommand = { readonly type: 'accept'; readonly data: LeadEvent['data'] };

/** A lead is accepted once. It has no read model of its own: what it became is a contact and a deal. */
export const leadAggregate: Aggregate<LeadState, LeadCommand, LeadEvent> = {
  initialState: { accepted: false },
  decide: (command, state) => (state.accepted ? refuse('already-exists') : [{ type: 'LeadAccepted', data: command.data }]),
  evolve: () => ({ accepted: true }),
  category: 'lead',
  sealed: true,
  eventVersions: LEAD_EVENT_VERSIONS,
  project: () => [],
};
