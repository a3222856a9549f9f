import { refuse, Secret, type Decider } from '#kernel';
import { newFields, recordDecider, type RecordCommand, type RecordState } from '../../records/domain/record.decider.js';
import type { PersonalText } from '../../records/domain/personal-text.js';
import type { DealAttribution, DealEvent, DealFields, DealPlace } from './deal.events.js';

type SharedState = RecordState<DealFields>;
type SharedCommand = RecordCommand<DealFields>;
type SharedCreate = Extract<SharedCommand, { readonly type: 'create' }>;

/** How a deal stands: open, or closed one way or the other. */
export type DealOutcome = { readonly status: 'open' | 'won' } | { readonly status: 'lost'; readonly loseReason: PersonalText };

export type DealState =
  | Extract<SharedState, { readonly phase: 'none' }>
  | (Extract<SharedState, { readonly phase: 'live' | 'deleted' }> & DealPlace & DealOutcome);

export type DealCommand =
  | Exclude<SharedCommand, SharedCreate>
  | (SharedCreate & DealPlace & { readonly attribution: DealAttribution | null })
  | { readonly type: 'move'; readonly stageId: string }
  | { readonly type: 'win' }
  | { readonly type: 'lose'; readonly reason: PersonalText }
  | { readonly type: 'reopen' }
  | { readonly type: 'erase'; readonly contactId: string; readonly keyOwner: string };

const shared = recordDecider<'Deal', DealFields>('Deal');

/**
 * The shared rules of records, and what only deals do. An open deal goes to another stage (to the one it is in: no event), is won
 * or lost; a closed one stays as it is until it is reopened, in the stage where it was.
 */
export const dealDecider: Decider<DealState, DealCommand, DealEvent> = {
  initialState: { phase: 'none' },
  decide(command, state): readonly DealEvent[] {
    switch (command.type) {
      case 'create': {
        if (state.phase !== 'none') refuse('already-exists');
        const { fields, responsibleId, leadId, pipelineId, stageId, attribution } = command;
        return [{ type: 'DealCreated', data: { ...newFields(fields), pipelineId, stageId, attribution, responsibleId, leadId } }];
      }
      case 'move':
        return requireOpen(state).stageId === command.stageId ? [] : [{ type: 'DealMoved', data: { stageId: command.stageId } }];
      case 'win':
        requireOpen(state);
        return [{ type: 'DealWon', data: {} }];
      case 'lose':
        requireOpen(state);
        return [{ type: 'DealLost', data: { reason: command.reason } }];
      case 'reopen':
        return requireLive(state).status === 'open' ? refuse('deal-open') : [{ type: 'DealReopened', data: {} }];
      case 'erase': {
        if (state.phase === 'none') return refuse('not-found');
        const { contactId, keyOwner } = command;
        return [{ type: 'DealErased', data: { contactId, keyOwner } }];
      }
      case 'change':
      case 'assign':
      case 'delete':
      case 'restore':
        return shared.decide(command, state).filter((event) => event.type !== 'DealCreated');
    }
  },
  evolve(state, event): DealState {
    if (event.type === 'DealCreated') return created(event.data);
    if (state.phase === 'none') return state;
    switch (event.type) {
      case 'DealMoved':
        return { ...state, stageId: event.data.stageId };
      case 'DealWon':
        return { ...placed(state), status: 'won' };
      case 'DealLost':
        return { ...placed(state), status: 'lost', loseReason: event.data.reason };
      case 'DealReopened':
        return { ...placed(state), status: 'open' };
      case 'DealErased':
        return { ...state, fields: { ...state.fields, title: Secret.erased(), note: null, tags: [], customFields: {} } };
      case 'DealChanged':
      case 'DealAssigned':
      case 'DealDeleted':
      case 'DealRestored': {
        const next = shared.evolve(state, event);
        return next.phase === 'live' || next.phase === 'deleted' ? { ...state, ...next } : state;
      }
    }
  },
};

type LiveDeal = Exclude<DealState, { readonly phase: 'none' }>;

function requireLive(state: DealState): LiveDeal {
  return state.phase === 'live' ? state : refuse('not-found');
}

function requireOpen(state: DealState): LiveDeal {
  const deal = requireLive(state);
  return deal.status === 'open' ? deal : refuse('deal-closed');
}

/** A deal without its outcome. */
function placed({
  phase,
  fields,
  responsibleId,
  leadId,
  pipelineId,
  stageId,
}: LiveDeal): Omit<LiveDeal, keyof DealOutcome | 'loseReason'> {
  return { phase, fields, responsibleId, leadId, pipelineId, stageId };
}

function created(data: Extract<DealEvent, { readonly type: 'DealCreated' }>['data']): DealState {
  const { title, amount, contactIds, companyId, note, tags, customFields, responsibleId, leadId, pipelineId, stageId } = data;
  const fields: DealFields = { title, amount, contactIds, companyId, note, tags, customFields };
  return { phase: 'live', fields, responsibleId, leadId, pipelineId, stageId, status: 'open' };
}
