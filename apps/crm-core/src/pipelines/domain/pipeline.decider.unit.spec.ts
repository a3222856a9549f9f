import { fold, isUuid } from '#kernel';
import { FIRST_PIPELINE, FIRST_PIPELINE_ID } from '../first-pipeline.js';
import { pipelineDecider } from './pipeline.decider.js';
import type { PipelineEvent } from './pipeline.events.js';

const given = (...events: readonly PipelineEvent[]) => fold(pipelineDecider, events);
const created: PipelineEvent = { type: 'PipelineCreated', data: FIRST_PIPELINE };

describe('a pipeline', () => {
  it('given nothing, when created, then created', () => {
    expect(pipelineDecider.decide({ type: 'create', fields: FIRST_PIPELINE }, given())).toEqual([created]);
  });

  it('given a pipeline, when created again, then already-exists', () => {
    expect(() => pipelineDecider.decide({ type: 'create', fields: FIRST_PIPELINE }, given(created))).toThrow(
      expect.objectContaining({ code: 'already-exists' }),
    );
  });
});

describe('the pipeline of a first start', () => {
  it('has the stages that the API promises, in their order', () => {
    expect(FIRST_PIPELINE.stages.map(({ name }) => name)).toEqual(['New', 'In progress', 'Proposal', 'Contract']);
  });

  it('has ids that are UUIDs, each its own', () => {
    const ids = [FIRST_PIPELINE_ID, ...FIRST_PIPELINE.stages.map(({ id }) => id)];
    expect(ids.every(isUuid)).toBe(true);
    expect(new Set(ids).size).toBe(5);
  });
});
