import type { Decider, DomainEvent } from '#kernel';
import type { PutBack } from './record-plan.js';
import { customFieldId, valueGiven } from './touched-fields.js';

/** What putting back needs of the state of any kind of record. */
interface RecordPhase {
  readonly phase: 'none' | 'live' | 'deleted';
}

/** The rules of any kind of record: it takes the commands made here, and those of its kind only. */
type RecordDecider = Decider<RecordPhase, unknown, DomainEvent>;

/**
 * The events that put the fields back, decided by the record's own rules on the state as it is. `history` is all its events, oldest
 * first. What has its old value already makes no event. A deleted record that stays deleted is restored for it and deleted again.
 */
export function compensate(
  decider: RecordDecider,
  state: RecordPhase,
  history: readonly DomainEvent[],
  putBack: readonly PutBack[],
): readonly DomainEvent[] {
  const values = new Map(putBack.map(({ field, version }) => [field, valueOf(history, field, version)] as const));
  const isDeleted = state.phase === 'deleted';
  const staysDeleted = values.has('deleted') ? values.get('deleted') === true : isDeleted;
  const steps = { state, events: [] as DomainEvent[] };
  const decide = (command: unknown): void => {
    const events = decider.decide(command, steps.state);
    steps.state = events.reduce((folded, event) => decider.evolve(folded, event), steps.state);
    steps.events.push(...events);
  };
  if (isDeleted) decide({ type: 'restore' });
  const before = steps.events.length;
  for (const command of commandsFor(values)) decide(command);
  if (isDeleted && staysDeleted && steps.events.length === before) return [];
  if (staysDeleted) decide({ type: 'delete' });
  return steps.events;
}

/** A record that was not there yet goes back to being deleted: nothing is ever wiped. */
function valueOf(history: readonly DomainEvent[], field: string, version: number | null): unknown {
  if (version === null) return true;
  const event = history[version - 1];
  if (event === undefined) throw new Error('the plan names a version that the record does not have');
  return valueGiven(event.type, event.data, field);
}

function commandsFor(values: ReadonlyMap<string, unknown>): readonly unknown[] {
  const changes: Record<string, unknown> = {};
  const customFields: Record<string, unknown> = {};
  const others: unknown[] = [];
  for (const [field, value] of values) {
    const customId = customFieldId(field);
    if (field === 'deleted') continue;
    else if (field === 'responsibleId') others.push({ type: 'assign', responsibleId: value });
    else if (field === 'stageId') others.push({ type: 'move', stageId: value });
    else if (customId !== undefined) customFields[customId] = value;
    else changes[field] = value;
  }
  if (Object.keys(customFields).length > 0) changes['customFields'] = customFields;
  return [...(Object.keys(changes).length > 0 ? [{ type: 'change', changes }] : []), ...others];
}
