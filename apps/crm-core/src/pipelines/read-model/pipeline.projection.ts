import type { RecordedEvent } from '../../log/aggregate.js';
import { insertRow, type RowChange } from '../../log/row-change.js';
import type { PipelineEvent } from '../domain/pipeline.events.js';

export function projectPipeline({ event, aggregateId, version }: RecordedEvent<PipelineEvent>): readonly RowChange[] {
  const { name, stages, position } = event.data;
  return [insertRow('read.pipelines', { id: aggregateId, name, stages: JSON.stringify(stages), position, version })];
}
