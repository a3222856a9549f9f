import type { Aggregate } from '../log/aggregate.js';
import { pipelineDecider, type PipelineCommand, type PipelineState } from './domain/pipeline.decider.js';
import { PIPELINE_EVENT_VERSIONS, type PipelineEvent } from './domain/pipeline.events.js';
import { projectPipeline } from './read-model/pipeline.projection.js';

/** Not sealed: a pipeline holds nothing of a customer. */
export const pipelineAggregate: Aggregate<PipelineState, PipelineCommand, PipelineEvent> = {
  ...pipelineDecider,
  category: 'pipeline',
  sealed: false,
  eventVersions: PIPELINE_EVENT_VERSIONS,
  project: projectPipeline,
};
