import { z } from 'zod';
import { refuse, type Decider } from '#kernel';
import type { Grants } from '#policy';
import { changedFields } from '../../records/domain/record.decider.js';

export interface RoleFields {
  readonly name: string;
  readonly extendsId: string | null;
  readonly grants: Grants;
}
export type RoleEvent =
  | { readonly type: 'RoleCreated'; readonly data: RoleFields & { readonly weakened: readonly string[] } }
  | { readonly type: 'RoleChanged'; readonly data: Partial<RoleFields> & { readonly weakened: readonly string[] } };
export const ROLE_EVENT_VERSIONS = { RoleCreated: 1, RoleChanged: 1 } as const;

export type RoleState = { readonly phase: 'none' } | { readonly phase: 'live'; readonly fields: RoleFields };
export type RoleCommand =
  { readonly type: 'create'; readonly fields: RoleFields } | { readonly type: 'change'; readonly changes: Partial<RoleFields> };

/** `grants` is judged by the policy's own catalogue, with a path for each cell that is wrong. */
const fields = { name: z.string().trim().min(1).max(200), extends: z.uuid().toLowerCase().nullable(), grants: z.unknown() };
export const createRoleBody = z.strictObject({
  ...fields,
  extends: fields.extends.default(null),
  grants: fields.grants.default({}),
});
export const changeRoleBody = z.strictObject(fields).partial();

/** Grants that let full numbers or addresses be seen unasked (access.md "Roles"). */
export function grantWeakenings(before: Grants, after: Grants): readonly string[] {
  return (['phone', 'email'] as const)
    .filter((subject) => {
      const level = after[subject]?.view ?? 'forbidden';
      return level !== 'forbidden' && level !== (before[subject]?.view ?? 'forbidden');
    })
    .map((subject) => `grant.${subject}.view`);
}

export const roleDecider: Decider<RoleState, RoleCommand, RoleEvent> = {
  initialState: { phase: 'none' },
  decide(command, state) {
    if (command.type === 'create') {
      if (state.phase !== 'none') return refuse('already-exists');
      return [{ type: 'RoleCreated', data: { ...command.fields, weakened: grantWeakenings({}, command.fields.grants) } }];
    }
    if (state.phase === 'none') return refuse('not-found');
    const changes = changedFields(state.fields, command.changes);
    if (Object.keys(changes).length === 0) return [];
    const weakened = changes.grants === undefined ? [] : grantWeakenings(state.fields.grants, changes.grants);
    return [{ type: 'RoleChanged', data: { ...changes, weakened } }];
  },
  evolve(state, event): RoleState {
    const { weakened: _weakened, ...changed } = event.data;
    switch (event.type) {
      case 'RoleCreated':
        return { phase: 'live', fields: changed as RoleFields };
      case 'RoleChanged':
        return state.phase === 'none' ? state : { ...state, fields: { ...state.fields, ...changed } };
    }
  },
};
