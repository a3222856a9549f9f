import { isActionOf, type ActionOf, type Level, type RecordType, type Subject, type TwoLevelActionOf } from './grants.js';
import type { Principal } from './principal.js';
import { reachAt, type OwnedRecord } from './reach.js';

/** `because` tells in words where the level comes from and how the record stands to it; ids of roles, no values of people. */
export interface Decision {
  readonly allowed: boolean;
  readonly level: Level;
  readonly because: readonly string[];
}

/** Whether the principal may do this to this record, and why. What the catalogue does not know is forbidden. */
export function decide<S extends Subject>(principal: Principal, subject: S, action: ActionOf<S>, record: OwnedRecord): Decision {
  const level = principal.rights.level(subject, action);
  const reach = reachAt(level, principal);
  const origin = whence(principal, subject, action, level);
  if (reach.kind === 'everything') return { allowed: true, level, because: [origin] };
  if (reach.kind === 'nothing') return { allowed: false, level, because: [origin] };
  const { responsibleId } = record;
  const allowed = responsibleId !== null && reach.userIds.has(responsibleId);
  return { allowed, level, because: [origin, standing(principal, level, responsibleId, allowed)] };
}

/** Whether there can be any record at all for which the action is allowed. For coarse checks before a record is known. */
export function mayAtAll<S extends Subject>(principal: Principal, subject: S, action: ActionOf<S>): boolean {
  return principal.rights.level(subject, action) !== 'forbidden';
}

/** Whether the principal holds a right that speaks of no record (settings, `create`, audit and the like). */
export function allows<S extends Subject>(principal: Principal, subject: S, action: TwoLevelActionOf<S>): boolean {
  return principal.rights.level(subject, action) === 'allowed';
}

/**
 * Whether the record may be given to `toUserId` (`null`: to nobody): the right to assign must reach it as it is and as it
 * will be. For a new record with another responsible person than its creator, `from` is the record with the creator.
 */
export function mayAssign(principal: Principal, recordType: RecordType, from: OwnedRecord, toUserId: string | null): boolean {
  return [from, { responsibleId: toUserId }].every((record) => decide(principal, recordType, 'assign', record).allowed);
}

function whence(principal: Principal, subject: Subject, action: string, level: Level): string {
  const cell = `${subject}.${action}`;
  if (!isActionOf(subject, action)) return 'there is no such right, so it is forbidden';
  if (level === 'forbidden') return `no role grants ${cell}`;
  const roleIds = principal.rights.grantedBy(subject, action);
  if (roleIds.length === 0) return `an administrator has ${cell} at ${level}`;
  return `${cell} is ${level} by role ${roleIds.join(', ')}`;
}

function standing(principal: Principal, level: Level, responsibleId: string | null, allowed: boolean): string {
  if (responsibleId === null) return 'the record has no responsible person and is reached at allowed only';
  if (responsibleId === principal.userId) return 'the person is responsible for the record';
  if (allowed) return 'the responsible person is in the group of the person';
  return level === 'group'
    ? 'the responsible person is not in the group of the person'
    : 'another person is responsible for the record';
}
