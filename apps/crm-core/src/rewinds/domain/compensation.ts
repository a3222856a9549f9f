import type { Decider, DomainEvent } from '#kernel';
import { changedFields } from '../../records/domain/record.decider.js';
import type { PutBack } from './record-plan.js';
import { customFieldId, valueGiven, type Outcome } from './touched-fields.js';

/** What putting back needs of the state of any kind of record; the last three are of deals alone. */
interface RecordState {
  readonly phase: 'none' | 'live' | 'deleted';
  readonly stageId?: string;
  readonly status?: Outcome['status'];
  readonly loseReason?: unknown;
}

/** The rules of any kind of record: it takes the commands made here, and those of its kind only. */
type RecordDecider = Decider<RecordState, unknown, DomainEvent>;
type Values = ReadonlyMap<string, unknown>;

/**
 * The events that put the fields back, decided by the record's own rules on the state as it is. `history` is all its events, oldest
 * first. What has its old value already makes no event. What the rules close against change is opened for it and closed again: a
 * deleted record that stays deleted, a deal that stays won or lost.
 */
export function compensate(
  decider: RecordDecider,
  state: RecordState,
  history: readonly DomainEvent[],
  putBack: readonly PutBack[],
): readonly DomainEvent[] {
  const values: Values = new Map(putBack.map(({ field, version }) => [field, valueOf(history, field, version)] as const));
  const isDeleted = state.phase === 'deleted';
  const staysDeleted = values.has('deleted') ? values.get('deleted') === true : isDeleted;
  const fields = decided(decider, { ...state, phase: 'live' }, commandsFor(values, state));
  if (isDeleted && staysDeleted && fields.length === 0) return [];
  const commands = [
    ...(isDeleted ? [{ type: 'restore' }] : []),
    ...commandsFor(values, state),
    ...(staysDeleted ? [{ type: 'delete' }] : []),
  ];
  return decided(decider, state, commands);
}

/** The events of the commands, one after another. Throws the refusal of the first that the rules refuse. */
function decided(decider: RecordDecider, state: RecordState, commands: readonly unknown[]): readonly DomainEvent[] {
  const events: DomainEvent[] = [];
  let present = state;
  for (const command of commands) {
    const added = decider.decide(command, present);
    present = added.reduce((folded, event) => decider.evolve(folded, event), present);
    events.push(...added);
  }
  return events;
}

/** A record that was not there yet goes back to being deleted: nothing is ever wiped. */
function valueOf(history: readonly DomainEvent[], field: string, version: number | null): unknown {
  if (version === null) return true;
  const event = history[version - 1];
  if (event === undefined) throw new Error('the plan names a version that the record does not have');
  return valueGiven(event.type, event.data, field);
}

function commandsFor(values: Values, state: RecordState): readonly unknown[] {
  const changes: Record<string, unknown> = {};
  const customFields: Record<string, unknown> = {};
  const others: unknown[] = [];
  for (const [field, value] of values) {
    const customId = customFieldId(field);
    if (field === 'deleted' || field === 'status') continue;
    else if (field === 'responsibleId') others.push({ type: 'assign', responsibleId: value });
    else if (field === 'stageId') others.push({ type: 'move', stageId: value });
    else if (customId !== undefined) customFields[customId] = value;
    else changes[field] = value;
  }
  if (Object.keys(customFields).length > 0) changes['customFields'] = customFields;
  const { opening, closing } = outcomeCommands(values, state);
  return [...opening, ...(Object.keys(changes).length > 0 ? [{ type: 'change', changes }] : []), ...others, ...closing];
}

/** A closed deal is reopened to be closed otherwise, or to be moved; then it is closed as it was, or as it is. */
function outcomeCommands(values: Values, state: RecordState): { opening: readonly unknown[]; closing: readonly unknown[] } {
  const { status = 'open', loseReason = null, stageId } = state;
  const present: Outcome = { status, reason: loseReason };
  const target = (values.get('status') as Outcome | undefined) ?? present;
  const isOther = Object.keys(changedFields<Outcome>(present, target)).length > 0;
  const moves = values.has('stageId') && values.get('stageId') !== stageId;
  const opens = status !== 'open' && (isOther || moves);
  const closes = target.status !== 'open' && (opens || status === 'open');
  return { opening: opens ? [{ type: 'reopen' }] : [], closing: closes ? [closingBy(target)] : [] };
}

function closingBy({ status, reason }: Outcome): unknown {
  return status === 'won' ? { type: 'win' } : { type: 'lose', reason };
}
