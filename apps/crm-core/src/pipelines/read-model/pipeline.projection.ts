import type { ProjectedEvent } from '../../log/aggregate.js';
import { insertRow, updateRow, type RowChange } from '../../log/row-change.js';
import type { PipelineEvent } from '../domain/pipeline.events.js';

export function projectPipeline({ event, aggregateId, version }: ProjectedEvent<PipelineEvent>): readonly RowChange[] {
  if (event.type === 'PipelineChanged') {
    const { name, stages } = event.data;
    const set = { ...(name === undefined ? {} : { name }), ...(stages === undefined ? {} : { stages: JSON.stringify(stages) }) };
    return [updateRow('read.pipelines', aggregateId, version, set)];
  }
  const { name, stages, position } = event.data;
  return [insertRow('read.pipelines', { id: aggregateId, name, stages: JSON.stringify(stages), position, version })];
}
