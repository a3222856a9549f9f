import { keyOwner, streamOf, type ProjectedEvent } from '../../log/aggregate.js';
import { insertRow, removeRow, updateRow, type Columns, type RowChange } from '../../log/row-change.js';
import type { LeadEvent, MaskedLead } from '../domain/lead.events.js';

/** Event → rows of `read.leads`. What a lead says is shown while it waits, and goes from here when it is accepted. */
export function projectLead({ event, aggregateId, version }: ProjectedEvent<LeadEvent>): readonly RowChange[] {
  switch (event.type) {
    case 'LeadAccepted': {
      const { formId, receivedAt, possibleDuplicates } = event.data;
      const set = { ...NOTHING_SHOWN, state: 'accepted', reason: null, possible_duplicates: possibleDuplicates };
      return rowAt(aggregateId, version, { form_id: formId, received_at: receivedAt, ...set });
    }
    case 'LeadQuarantined': {
      const { formId, receivedAt, reason, content } = event.data;
      const shown = shownColumns(content.isErased ? null : content.expose().masked);
      return rowAt(aggregateId, version, { form_id: formId, received_at: receivedAt, state: 'quarantined', reason, ...shown });
    }
    case 'LeadSetAside': {
      const { formId, receivedAt, reason, content } = event.data;
      const shown = shownColumns(content.isErased ? null : content.expose().masked);
      return rowAt(aggregateId, version, { form_id: formId, received_at: receivedAt, state: 'set-aside', reason, ...shown });
    }
    case 'LeadReleased':
    case 'LeadDeclined':
      // The next event of the same append changes the row, or takes it away.
      return [];
    case 'LeadErased':
      return [
        removeRow('read.leads', aggregateId),
        { kind: 'destroy-key', owner: keyOwner(streamOf({ category: 'lead' }, aggregateId), 0) },
      ];
  }
}

const NOTHING_SHOWN = { shown: null, attribution: null };

/** A lead begins in any of its states, so its first event makes the row and a later one changes it. */
function rowAt(id: string, version: number, columns: Columns): readonly RowChange[] {
  if (version > 1) return [updateRow('read.leads', id, version, columns)];
  return [insertRow('read.leads', { id, possible_duplicates: [], ...columns, version })];
}

function shownColumns(masked: MaskedLead | null): Columns {
  if (masked === null) return NOTHING_SHOWN;
  const { attribution, ...shown } = masked;
  return {
    shown: JSON.stringify(shown),
    attribution: Object.keys(attribution).length === 0 ? null : JSON.stringify(attribution),
  };
}
