import { SUBJECTS } from '#contracts';
import type { StoredEvent } from '#event-store';
import type { OutgoingFact } from '#messaging';
import { streamParts } from '../log/aggregate.js';

/** What the log tells the broker of an event: ids and the names of changed fields. Values stay in the log. */
export function factOf(event: StoredEvent): OutgoingFact {
  const data = event.data as Readonly<Record<string, unknown>>;
  const { category, id } = streamParts(event.stream);
  return {
    subject: SUBJECTS.crmEvent(event.type),
    msgId: event.id,
    payload: {
      id: event.id,
      type: event.type,
      at: event.metadata.at,
      actorId: event.metadata.actorId,
      category,
      recordId: id,
      version: event.version,
      changed: Object.keys(data),
      // Whose number is calling: ids, for the responsible person to be told.
      ...(event.type === 'CallReceived' ? { from: data['from'] } : {}),
      // How much a rewind hides, for an alarm about much of it.
      ...(event.type === 'RewindStarted' ? { hides: data['hides'] ?? 0 } : {}),
      ...(Array.isArray(data['weakened']) ? { weakened: namesOf(data['weakened']) } : {}),
    },
  };
}

/** Of what was weakened the names; from what to what stays in the log. */
function namesOf(weakened: readonly (string | { readonly name: string })[]): readonly string[] {
  return weakened.map((one) => (typeof one === 'string' ? one : one.name));
}
