import { keyOwner, streamOf, type ProjectedEvent } from '../../log/aggregate.js';
import { insertRow, removeRow, type RowChange } from '../../log/row-change.js';
import type { RevealEvent } from '../domain/reveal.decider.js';

/** Event → rows of `read.reveals`: why, for as long as there is somebody whom it is about. */
export function projectReveal({ event, aggregateId, version }: ProjectedEvent<RevealEvent>): readonly RowChange[] {
  switch (event.type) {
    case 'PhoneRevealed':
    case 'EmailRevealed': {
      const { recordType, recordId, reason } = event.data;
      const shown = reason.isErased ? null : reason.expose();
      return [
        insertRow('read.reveals', { id: aggregateId, record_type: recordType, record_id: recordId, reason: shown, version }),
      ];
    }
    case 'RevealErased':
      return [
        removeRow('read.reveals', aggregateId),
        { kind: 'destroy-key', owner: keyOwner(streamOf({ category: 'reveal' }, aggregateId), 0) },
      ];
  }
}
