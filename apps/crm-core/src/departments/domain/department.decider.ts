import { z } from 'zod';
import { refuse, type Decider } from '#kernel';
import { changedFields } from '../../records/domain/record.decider.js';

export interface DepartmentFields {
  readonly name: string;
  readonly parentId: string | null;
}
export type DepartmentEvent =
  | { readonly type: 'DepartmentCreated'; readonly data: DepartmentFields }
  | { readonly type: 'DepartmentChanged'; readonly data: Partial<DepartmentFields> };
export const DEPARTMENT_EVENT_VERSIONS = { DepartmentCreated: 1, DepartmentChanged: 1 } as const;

export type DepartmentState = { readonly phase: 'none' } | { readonly phase: 'live'; readonly fields: DepartmentFields };
export type DepartmentCommand =
  | { readonly type: 'create'; readonly fields: DepartmentFields }
  | { readonly type: 'change'; readonly changes: Partial<DepartmentFields> };

const fields = { name: z.string().trim().normalize('NFC').min(1).max(200), parentId: z.uuid().toLowerCase().nullable() };
export const createDepartmentBody = z.strictObject({ ...fields, parentId: fields.parentId.default(null) });
export const changeDepartmentBody = z.strictObject(fields).partial();

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
    if (state.phase === 'none') return refuse('not-found');
    const changes = changedFields(state.fields, command.changes);
    return Object.keys(changes).length === 0 ? [] : [{ type: 'DepartmentChanged', data: changes }];
  },
  evolve(state, event): DepartmentState {
    switch (event.type) {
      case 'DepartmentCreated':
        return { phase: 'live', fields: event.data };
      case 'DepartmentChanged':
        return state.phase === 'none' ? state : { ...state, fields: { ...state.fields, ...event.data } };
    }
  },
};
