import { refuse, type Decider } from '#kernel';
import { newFields, recordDecider, type RecordCommand, type RecordState } from '../../records/domain/record.decider.js';
import type { DealAttribution, DealEvent, DealFields, DealPlace } from './deal.events.js';

type SharedState = RecordState<DealFields>;
type SharedCommand = RecordCommand<DealFields>;
type SharedCreate = Extract<SharedCommand, { readonly type: 'create' }>;

export type DealState =
  | Extract<SharedState, { readonly phase: 'none' }>
  | (Exclude<SharedState, { readonly phase: 'none' }> & DealPlace & { readonly status: 'open' });

export type DealCommand =
  | Exclude<SharedCommand, SharedCreate>
  | (SharedCreate & DealPlace & { readonly attribution: DealAttribution | null })
  | { readonly type: 'move'; readonly stageId: string };

const shared = recordDecider<'Deal', DealFields>('Deal');

/** The shared rules of records, and moving: a live deal goes to another stage; moving it to the stage it is in is no event. */
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
        if (state.phase !== 'live') return refuse('not-found');
        return command.stageId === state.stageId ? [] : [{ type: 'DealMoved', data: { stageId: command.stageId } }];
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
    if (event.type === 'DealMoved') return { ...state, stageId: event.data.stageId };
    const next = shared.evolve(state, event);
    return next.phase === 'none' ? next : { ...state, ...next };
  },
};

function created(data: Extract<DealEvent, { readonly type: 'DealCreated' }>['data']): DealState {
  const { title, amount, contactIds, companyId, note, tags, customFields, responsibleId, leadId, pipelineId, stageId } = data;
  const fields: DealFields = { title, amount, contactIds, companyId, note, tags, customFields };
  return { phase: 'live', fields, responsibleId, leadId, pipelineId, stageId, status: 'open' };
}
