import { refuse } from '#kernel';
import { decide, mayAssign, type ActionOf, type Principal, type RecordType } from '#policy';
import type { RecordState } from './domain/record.decider.js';

type LiveState<Fields> = Extract<RecordState<Fields>, { phase: 'live' | 'deleted' }>;

/**
 * The record, for one who may see it and may do this to it. What he may not see is `not-found`, the same as what does not exist;
 * who was erased is `erased` for those who could see him; what he sees but may not touch is `forbidden`.
 */
export function requireAction<Fields>(
  principal: Principal,
  recordType: RecordType,
  action: ActionOf<RecordType>,
  state: RecordState<Fields>,
): LiveState<Fields> {
  if (state.phase === 'none' || !decide(principal, recordType, 'view', state).allowed) return refuse('not-found');
  if (state.phase === 'erased') return refuse('erased');
  if (state.phase === 'deleted') return refuse('not-found');
  if (!decide(principal, recordType, action, state).allowed) return refuse('forbidden');
  return state;
}

/** The deleted record, for one who may restore it; `not-found` for everybody else. */
export function requireRestorable<Fields>(
  principal: Principal,
  recordType: RecordType,
  state: RecordState<Fields>,
): LiveState<Fields> {
  if (state.phase === 'none' || !decide(principal, recordType, 'view', state).allowed) return refuse('not-found');
  if (state.phase === 'erased') return refuse('erased');
  if (!decide(principal, recordType, 'restore', state).allowed) return refuse(state.phase === 'live' ? 'forbidden' : 'not-found');
  return state;
}

/** The right to give the record to that person: assign must reach it as it is and as it will be. */
export function requireAssignable(
  principal: Principal,
  type: RecordType,
  from: { responsibleId: string | null },
  to: string | null,
) {
  if (!mayAssign(principal, type, from, to)) refuse('forbidden');
}
