import { SUBJECTS, SYSTEM_USER_ID } from '#contracts';
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
      ...emptiedBy(event, data),
      ...weakenedBy(event.type, event.metadata.actorId, data),
    },
  };
}

/**
 * Which lists of numbers and addresses a change of a record left empty, for an alarm about many. Not of a rewind: that is told of by itself.
 */
function emptiedBy(
  { type, metadata }: StoredEvent,
  data: Readonly<Record<string, unknown>>,
): { readonly emptied?: readonly string[] } {
  if (!EMPTYING_EVENTS.has(type) || metadata.causationId !== null) return {};
  const emptied = ['phones', 'emails'].filter((name) => Array.isArray(data[name]) && data[name].length === 0);
  return emptied.length === 0 ? {} : { emptied };
}
const EMPTYING_EVENTS: ReadonlySet<string> = new Set(['ContactChanged', 'CompanyChanged']);

/** What a gateway wrote down and was a protection: who was told of alarms, how somebody had to sign in. */
const ENDED_PROTECTIONS: Readonly<Record<string, string>> = {
  'webhook.ended': 'webhooks',
  'second-factor.removed': 'secondFactor',
};

/**
 * Of what was weakened the names, where something may have been; from what to what stays in the log. Who is made an administrator may do
 * everything and is exempt from what spares administrators; no window reaches back behind a reactivation. The first administrator is made by nobody, and nobody is there to be told.
 */
function weakenedBy(
  type: string,
  actorId: string | null,
  data: Readonly<Record<string, unknown>>,
): { readonly weakened?: readonly string[] } {
  const told = Array.isArray(data['weakened']) ? namesOf(data['weakened']) : undefined;
  if (type === 'AuditRecorded') {
    const ended = ENDED_PROTECTIONS[String(data['type'])];
    return ended === undefined ? {} : { weakened: [ended] };
  }
  // What he was shown before counts no more.
  if (type === 'UserReactivated') return { weakened: ['counts'] };
  const isMadeAdministrator = type.startsWith('User') && data['isAdmin'] === true && actorId !== SYSTEM_USER_ID;
  if (isMadeAdministrator) return { weakened: [...(told ?? []), 'administrators'] };
  return told === undefined ? {} : { weakened: told };
}

function namesOf(weakened: readonly (string | { readonly name: string })[]): readonly string[] {
  return weakened.map((one) => (typeof one === 'string' ? one : one.name));
}
