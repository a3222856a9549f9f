import type { Explanation } from '#contracts';
import { decide, departmentsAbove, provenance, type ActionOf, type Principal, type RecordType } from '#policy';
import type { Account, Company } from '../granting.js';

/** The account, at the moment that is asked about. `none`: there was none yet. */
export type Standing = 'none' | 'invited' | 'active' | 'deactivated' | 'held';

/** The record, at the moment that is asked about. `none`: it was not there yet. */
export interface RecordThen {
  readonly phase: 'none' | 'live' | 'deleted' | 'erased';
  readonly responsibleId: string | null;
}

/** Everything that a decision is made of, at one moment. */
export interface Situation {
  readonly principal: Principal;
  readonly standing: Standing;
  readonly account: Account;
  /** At least the roles that the person holds with their parents, and the departments above him and the responsible person. */
  readonly company: Company;
  readonly record: RecordThen;
  /** Of the responsible person. */
  readonly responsibleDepartmentId: string | null;
}

const NO_ACCOUNT: Readonly<Record<Standing, readonly string[]>> = {
  none: ['the person has no account yet'],
  invited: ['the person is invited and has no password yet'],
  deactivated: ['the account is deactivated'],
  held: ['the account is held since a limit was exceeded'],
  active: [],
};
const OUT_OF_REACH: Readonly<Record<RecordThen['phase'], readonly string[]>> = {
  none: ['the record is not there yet'],
  erased: ['the record is erased'],
  deleted: ['the record is deleted: it can only be restored'],
  live: [],
};

/**
 * What a request would be answered, as far as rights go: the policy's own decision about the action, and what every request meets
 * besides: an account that is active, a record that is there, and the right to see it. Addresses, tokens and limits are not asked.
 */
export function explain<T extends RecordType>(situation: Situation, recordType: T, action: ActionOf<T>): Explanation {
  const { principal, standing, record } = situation;
  const decision = decide<RecordType>(principal, recordType, action, record);
  const refusals = [...NO_ACCOUNT[standing], ...(action === 'create' ? [] : aboutRecord(situation, recordType, action))];
  const allowed = decision.allowed && refusals.length === 0;
  const because = [...refusals, ...decision.because, ...background(situation, recordType, action)];
  return { decision: allowed ? 'allowed' : 'refused', level: decision.level, because };
}

/** Why the record cannot be reached, whatever the level of the action itself. */
function aboutRecord({ principal, record }: Situation, recordType: RecordType, action: string): readonly string[] {
  const gone = record.phase === 'deleted' && action === 'restore' ? [] : OUT_OF_REACH[record.phase];
  if (action === 'view') return gone;
  const view = decide(principal, recordType, 'view', record);
  return view.allowed ? gone : [...gone, 'the person may not see the record', ...view.because];
}

function background(situation: Situation, recordType: RecordType, action: string): readonly string[] {
  const { principal, account, company, record, responsibleDepartmentId } = situation;
  const person = { ...account, id: principal.userId };
  const lines = provenance({ person, rights: principal.rights, ...company }, recordType, action);
  const isGroup = principal.rights.level(recordType, action) === 'group';
  if (!isGroup || record.responsibleId === null || record.responsibleId === person.id) return lines;
  return [...lines, placeOf(person.departmentId, responsibleDepartmentId, company)];
}

function placeOf(own: string | null, other: string | null, { departments }: Company): string {
  if (own === null) return 'the person is in no department and has only himself as group';
  if (other === null) return 'the responsible person is in no department';
  if (own === other) return `both are in department ${own}`;
  const isBelow = departmentsAbove(other, departments).includes(own);
  return `department ${other} of the responsible person ${isBelow ? 'lies' : 'does not lie'} below the person's department ${own}`;
}
