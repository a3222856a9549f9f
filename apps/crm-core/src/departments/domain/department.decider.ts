import { z } from 'zod';
import { assertNever, refuse, type Decider } from '#kernel';
import type { WeakenedRight } from '../../authz/weakened-rights.js';
import { changedFields } from '../../records/domain/record.decider.js';

export interface DepartmentFields {
  readonly name: string;
  readonly parentId: string | null;
}
/** What its people, and those of the departments below it, come to see by it. */
interface Weakening {
  readonly weakened: readonly WeakenedRight[];
}
export type DepartmentEvent =
  | { readonly type: 'DepartmentCreated'; readonly data: DepartmentFields }
  | { readonly type: 'DepartmentChanged'; readonly data: Partial<DepartmentFields> & Weakening }
  /** `roleIds`: all roles that the department has from now on. */
  | { readonly type: 'DepartmentRolesChanged'; readonly data: { readonly roleIds: readonly string[] } & Weakening }
  | { readonly type: 'DepartmentDeleted'; readonly data: Readonly<Record<string, never>> };
export const DEPARTMENT_EVENT_VERSIONS = {
  DepartmentCreated: 1,
  DepartmentChanged: 2,
  DepartmentRolesChanged: 2,
  DepartmentDeleted: 1,
} as const;

/** A deleted department is gone: nothing happens to it any more. */
export type DepartmentState =
  | { readonly phase: 'none' }
  | { readonly phase: 'live' | 'deleted'; readonly fields: DepartmentFields; readonly roleIds: readonly string[] };
export type DepartmentCommand =
  | { readonly type: 'create'; readonly fields: DepartmentFields }
  | { readonly type: 'change'; readonly changes: Partial<DepartmentFields>; readonly weakened: readonly WeakenedRight[] }
  | { readonly type: 'change-roles'; readonly roleIds: readonly string[]; readonly weakened: readonly WeakenedRight[] }
  | { readonly type: 'delete' };

const fields = { name: z.string().trim().normalize('NFC').min(1).max(200), parentId: z.uuid().toLowerCase().nullable() };
export const createDepartmentBody = z.strictObject({ ...fields, parentId: fields.parentId.default(null) });
export const changeDepartmentBody = z.strictObject(fields).partial();
export const departmentRolesBody = z.strictObject({ roleIds: z.array(z.uuid().toLowerCase()).max(100) });

/** A node of the tree as it stands. */
export interface DepartmentNode {
  readonly id: string;
  readonly parentId: string | null;
}

/** True when `id` under `parentId` would stand above itself. A broken way up counts as a circle: nothing is hung below it. */
export function wouldCircle(tree: readonly DepartmentNode[], id: string, parentId: string | null): boolean {
  const parents = new Map(tree.map((node) => [node.id, node.parentId]));
  const seen = new Set([id]);
  for (let above = parentId; above !== null; above = parents.get(above) ?? null) {
    if (seen.has(above) || !parents.has(above)) return true;
    seen.add(above);
  }
  return false;
}

export const departmentDecider: Decider<DepartmentState, DepartmentCommand, DepartmentEvent> = {
  initialState: { phase: 'none' },
  decide(command, state) {
    if (command.type === 'create') {
      return state.phase === 'none' ? [{ type: 'DepartmentCreated', data: command.fields }] : refuse('already-exists');
    }
    if (state.phase !== 'live') return refuse('not-found');
    switch (command.type) {
      case 'change': {
        const changes = changedFields(state.fields, command.changes);
        return Object.keys(changes).length === 0
          ? []
          : [{ type: 'DepartmentChanged', data: { ...changes, weakened: command.weakened } }];
      }
      case 'change-roles': {
        const roleIds = [...new Set(command.roleIds)];
        const isSame = roleIds.length === state.roleIds.length && roleIds.every((id) => state.roleIds.includes(id));
        return isSame ? [] : [{ type: 'DepartmentRolesChanged', data: { roleIds, weakened: command.weakened } }];
      }
      case 'delete':
        return [{ type: 'DepartmentDeleted', data: {} }];
      default:
        return assertNever(command);
    }
  },
  evolve(state, event): DepartmentState {
    if (event.type === 'DepartmentCreated') return { phase: 'live', fields: event.data, roleIds: [] };
    if (state.phase === 'none') return state;
    switch (event.type) {
      case 'DepartmentChanged': {
        const { weakened: _weakened, ...changes } = event.data;
        return { ...state, fields: { ...state.fields, ...changes } };
      }
      case 'DepartmentRolesChanged':
        return { ...state, roleIds: event.data.roleIds };
      case 'DepartmentDeleted':
        return { ...state, phase: 'deleted' };
    }
  },
};
