import { z } from 'zod';
import { DomainError, refuse, type Decider } from '#kernel';
import { parseGrants, type Grants } from '#policy';
import { weakenedRights } from '../../authz/weakened-rights.js';
import { changedFields } from '../../records/domain/record.decider.js';

export interface RoleFields {
  readonly name: string;
  readonly extendsId: string | null;
  readonly grants: Grants;
  /** Whoever holds the role has to have a second factor set up before he gets anywhere. */
  readonly requireSecondFactor: boolean;
}
export type RoleEvent =
  | { readonly type: 'RoleCreated'; readonly data: RoleFields & { readonly weakened: readonly string[] } }
  | { readonly type: 'RoleChanged'; readonly data: Partial<RoleFields> & { readonly weakened: readonly string[] } }
  | { readonly type: 'RoleDeleted'; readonly data: Readonly<Record<string, never>> };
/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const ROLE_EVENT_VERSIONS = { RoleCreated: 2, RoleChanged: 2, RoleDeleted: 1 } as const;

/** A deleted role is gone: nothing happens to it any more. */
export type RoleState = { readonly phase: 'none' } | { readonly phase: 'live' | 'deleted'; readonly fields: RoleFields };
export type RoleCommand =
  | { readonly type: 'create'; readonly fields: RoleFields; readonly resolved: ResolvedGrants }
  | { readonly type: 'change'; readonly changes: Partial<RoleFields>; readonly resolved: ResolvedGrants }
  | { readonly type: 'delete' };

/** What the role gives with its parents, as it is and as it will be. */
export interface ResolvedGrants {
  readonly before: Grants;
  readonly after: Grants;
}

/** `grants` is judged by the policy's own catalogue, with a path for each cell that is wrong. */
const fields = {
  name: z.string().trim().normalize('NFC').min(1).max(200),
  extends: z.uuid().toLowerCase().nullable(),
  grants: z.unknown(),
  requireSecondFactor: z.boolean(),
};
export const createRoleBody = z.strictObject({
  ...fields,
  extends: fields.extends.default(null),
  grants: fields.grants.default({}),
  requireSecondFactor: fields.requireSecondFactor.default(false),
});
export const changeRoleBody = z.strictObject(fields).partial();

/** Grants as a body gives them. Throws `level-not-applicable` when that is all that is wrong with them, else `validation-failed`. */
export function readGrants(input: unknown): Grants {
  try {
    return parseGrants(input);
  } catch (error) {
    const errors = error instanceof DomainError ? (error.options.errors ?? []) : [];
    if (errors.length === 0 || errors.some(({ code }) => code !== 'level-not-applicable')) throw error;
    throw new DomainError('level-not-applicable', { errors });
  }
}

export const roleDecider: Decider<RoleState, RoleCommand, RoleEvent> = {
  initialState: { phase: 'none' },
  decide(command, state) {
    if (command.type === 'create') {
      if (state.phase !== 'none') return refuse('already-exists');
      return [{ type: 'RoleCreated', data: { ...command.fields, weakened: weakenedBy(command.resolved) } }];
    }
    if (state.phase !== 'live') return refuse('not-found');
    if (command.type === 'delete') return [{ type: 'RoleDeleted', data: {} }];
    const changes = changedFields(state.fields, command.changes);
    if (Object.keys(changes).length === 0) return [];
    const lifted = changes.requireSecondFactor === false ? ['requireSecondFactor'] : [];
    return [{ type: 'RoleChanged', data: { ...changes, weakened: [...weakenedBy(command.resolved), ...lifted] } }];
  },
  evolve(state, event): RoleState {
    switch (event.type) {
      case 'RoleCreated': {
        const { weakened: _weakened, ...fields } = event.data;
        return { phase: 'live', fields };
      }
      case 'RoleChanged': {
        const { weakened: _weakened, ...changes } = event.data;
        return state.phase === 'none' ? state : { ...state, fields: { ...state.fields, ...changes } };
      }
      case 'RoleDeleted':
        return state.phase === 'none' ? state : { ...state, phase: 'deleted' };
    }
  },
};

const weakenedBy = ({ before, after }: ResolvedGrants): readonly string[] =>
  weakenedRights(before, after).map(({ name }) => name);
