import { refuse, type Decider } from '#kernel';
import type { PipelineEvent, PipelineFields } from './pipeline.events.js';

export type PipelineState = { readonly phase: 'none' } | { readonly phase: 'live'; readonly fields: PipelineFields };
export type PipelineCommand = { readonly type: 'create'; readonly fields: PipelineFields };

export const pipelineDecider: Decider<PipelineState, PipelineCommand, PipelineEvent> = {
  initialState: { phase: 'none' },
  decide(command, state) {
    if (state.phase !== 'none') refuse('already-exists');
    return [{ type: 'PipelineCreated', data: command.fields }];
  },
  evolve(_state, event): PipelineState {
    switch (event.type) {
      case 'PipelineCreated':
        return { phase: 'live', fields: event.data };
    }
  },
};
