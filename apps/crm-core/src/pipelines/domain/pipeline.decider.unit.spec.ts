import { fold, isUuid } from '#kernel';
import { FIRST_PIPELINE, FIRST_PIPELINE_ID } from '../first-pipeline.js';
import { changePipelineBody, createPipelineBody } from './pipeline.commands.js';
import { pipelineDecider, removedStages, type StageInput } from './pipeline.decider.js';
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

describe('changing a pipeline', () => {
  const change = (stages: readonly StageInput[], name?: string) =>
    pipelineDecider.decide({ type: 'change', stages, name }, given(created));
  const kept = FIRST_PIPELINE.stages.map((stage) => ({ ...stage, isNew: false }));
  const [first, second, third, fourth] = kept as [StageInput, StageInput, StageInput, StageInput];
  const added: StageInput = { id: 'new', name: 'Trial', isNew: true };
  const plain = ({ id, name }: StageInput) => ({ id, name });
  const refusal = (code: string, path: string) =>
    expect.objectContaining({ code, options: expect.objectContaining({ errors: [expect.objectContaining({ path })] }) });

  it('when its stages are given in another order, with a new and a renamed one, then the whole new list', () => {
    const stages = [fourth, added, { ...first, name: 'Fresh' }];
    const events = change(stages);
    expect(events).toEqual([{ type: 'PipelineChanged', data: { stages: stages.map(plain) } }]);
    expect(removedStages(given(created), events)).toEqual([second.id, third.id]);
    expect(given(created, ...events)).toMatchObject({ fields: { name: FIRST_PIPELINE.name, stages: stages.map(plain) } });
  });

  it('when renamed, then the name alone; when given as it is, then nothing', () => {
    expect(change(kept, 'Sales 2')).toEqual([{ type: 'PipelineChanged', data: { name: 'Sales 2' } }]);
    expect(change(kept, FIRST_PIPELINE.name)).toEqual([]);
    expect(removedStages(given(created), change(kept, 'Sales 2'))).toEqual([]);
  });

  it('when a stage is not its own, or given twice, then refused', () => {
    expect(() => change([first, { id: 'other', name: 'x', isNew: false }])).toThrow(refusal('unknown-reference', 'stages.1.id'));
    expect(() => change([first, first])).toThrow(refusal('validation-failed', 'stages.1.id'));
  });

  it('given none, then not-found', () => {
    expect(() => pipelineDecider.decide({ type: 'change', name: 'x' }, given())).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
  });
});

describe('bodies of pipelines', () => {
  const stages = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `Stage ${n}` }));

  it('have 1 to 50 stages, named', () => {
    for (const count of [1, 50]) expect(createPipelineBody.safeParse({ name: 'x', stages: stages(count) }).success).toBe(true);
    for (const body of [{ name: 'x' }, { name: ' ', stages: stages(1) }, { name: 'x', stages: [{ name: ' ' }] }])
      expect(createPipelineBody.safeParse(body).success).toBe(false);
    for (const count of [0, 51]) {
      expect(createPipelineBody.safeParse({ name: 'x', stages: stages(count) }).success).toBe(false);
      expect(changePipelineBody.safeParse({ stages: stages(count) }).success).toBe(false);
    }
  });

  it('name a stage by its id in a change alone', () => {
    const withId = [{ id: '01A209F1-1514-701C-8216-2B4E2294FDB7', name: 'x' }];
    expect(changePipelineBody.parse({ stages: withId }).stages?.[0]?.id).toBe('01a209f1-1514-701c-8216-2b4e2294fdb7');
    expect(createPipelineBody.safeParse({ name: 'x', stages: withId }).success).toBe(false);
    expect(changePipelineBody.safeParse({ position: 3 }).success).toBe(false);
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
