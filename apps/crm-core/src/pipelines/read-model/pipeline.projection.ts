import type { Statement } from '#event-store';
import type { RecordedEvent } from '../../log/aggregate.js';
import { insertRow } from '../../records/record.projection.js';
import type { PipelineEvent } from '../domain/pipeline.events.js';

export function projectPipeline({ event, aggregateId, version }: RecordedEvent<PipelineEvent>): readonly Statement[] {
  const { name, stages, position } = event.data;
  return [insertRow('read.pipelines', { id: aggregateId, name, stages: JSON.stringify(stages), position, version })];
}
