import { refuse, refuseField, type Decider } from '#kernel';
import { changedFields } from '../../records/domain/record.decider.js';
import type { PipelineEvent, PipelineFields, Stage } from './pipeline.events.js';

export type PipelineState = { readonly phase: 'none' } | { readonly phase: 'live'; readonly fields: PipelineFields };

/** A stage as a change gives it. Ids of new ones come with the command. */
export interface StageInput extends Stage {
  readonly isNew: boolean;
}
export type PipelineCommand =
  | { readonly type: 'create'; readonly fields: PipelineFields }
  | { readonly type: 'change'; readonly name?: string | undefined; readonly stages?: readonly StageInput[] | undefined };

export const pipelineDecider: Decider<PipelineState, PipelineCommand, PipelineEvent> = {
  initialState: { phase: 'none' },
  decide(command, state): readonly PipelineEvent[] {
    if (command.type === 'create') {
      if (state.phase !== 'none') refuse('already-exists');
      return [{ type: 'PipelineCreated', data: command.fields }];
    }
    if (state.phase === 'none') return refuse('not-found');
    const { name, stages } = command;
    const changes = changedFields<Partial<PipelineFields>>(state.fields, {
      ...(name === undefined ? {} : { name }),
      ...(stages === undefined ? {} : { stages: mergeStages(state.fields.stages, stages) }),
    });
    return Object.keys(changes).length === 0 ? [] : [{ type: 'PipelineChanged', data: changes }];
  },
  evolve(state, event): PipelineState {
    switch (event.type) {
      case 'PipelineCreated':
        return { phase: 'live', fields: event.data };
      case 'PipelineChanged':
        return state.phase === 'none' ? state : { ...state, fields: { ...state.fields, ...event.data } };
    }
  },
};

/** The new list: an id must be one of this pipeline's, and stands once. */
function mergeStages(present: readonly Stage[], inputs: readonly StageInput[]): readonly Stage[] {
  const known = new Set(present.map(({ id }) => id));
  inputs.forEach(({ id, isNew }, index) => {
    if (!isNew && !known.delete(id)) {
      const twice = present.some((stage) => stage.id === id);
      const path = `stages.${index}.id`;
      if (twice) refuseField('validation-failed', path, 'The same stage twice');
      refuseField('unknown-reference', path, 'No such stage in this pipeline; leave the id out to add one');
    }
  });
  return inputs.map(({ id, name }) => ({ id, name }));
}

/** The stages that the events take away. */
export function removedStages(state: PipelineState, events: readonly PipelineEvent[]): readonly string[] {
  if (state.phase === 'none') return [];
  return events.flatMap(({ data: { stages } }) => {
    if (stages === undefined) return [];
    const left = new Set(stages.map(({ id }) => id));
    return state.fields.stages.map(({ id }) => id).filter((id) => !left.has(id));
  });
}
