import type { ProjectedEvent } from '../../log/aggregate.js';
import { insertRow, updateRow, type RowChange } from '../../log/row-change.js';
import type { CallEvent } from '../domain/call.decider.js';

export function projectCall({ event, aggregateId, version, metadata }: ProjectedEvent<CallEvent>): readonly RowChange[] {
  switch (event.type) {
    case 'CallPlaced': {
      const { recordType, recordId, phoneId } = event.data;
      return [
        insertRow('read.calls', {
          ...{ id: aggregateId, record_type: recordType, record_id: recordId, phone_id: phoneId },
          ...{ placed_by: metadata.actorId, placed_at: metadata.at, state: 'placed', version },
        }),
      ];
    }
    case 'CallHandedOver':
      return [updateRow('read.calls', aggregateId, version, { state: 'handed-over' })];
    case 'CallFailed':
      return [updateRow('read.calls', aggregateId, version, { state: 'failed', cause: event.data.cause })];
  }
}
