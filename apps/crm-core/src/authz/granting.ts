import { refuse, refuseField } from '#kernel';
import {
  compileRights,
  departmentsWithin,
  exceeds,
  heldRoleIds,
  resolveGrants,
  type Department,
  type Grants,
  type Member,
  type Principal,
  type Rights,
  type Role,
} from '#policy';

/** Roles and departments: all that rights are made of beside the person himself. */
export interface Company {
  readonly roles: readonly Role[];
  readonly departments: readonly Department[];
}
/** `roleIds` are those given to himself. */
export type Account = Omit<Member, 'id'> & { readonly isAdmin: boolean; readonly roleIds: readonly string[] };

/** What a person of the company may do: by his own roles, those of his department and of the departments above it. */
export function rightsIn({ roles, departments }: Company, { isAdmin, departmentId, roleIds }: Account): Rights {
  return compileRights({ isAdmin, roles, roleIds: heldRoleIds({ id: '', departmentId, roleIds }, departments) });
}

/** Throws `grant-exceeds-own` when the grants hold a level wider than the granter's own. Administrators may grant any cell. */
export function requireHeld({ rights }: Principal, grants: Grants): void {
  if (exceeds(rights, grants).length > 0) refuse('grant-exceeds-own');
}

/** Roles exist (`unknown-reference`) and give nothing that the giver lacks (`grant-exceeds-own`). */
export function requireGivable(giver: Principal, { roles }: Company, roleIds: readonly string[]): void {
  for (const [index, id] of roleIds.entries())
    if (!roles.some((role) => role.id === id)) refuseField('unknown-reference', `roleIds.${index}`, 'No such role');
  for (const id of roleIds) {
    const grants = resolveGrants(id, roles);
    if (!giver.isAdmin && grants === null) refuse('grant-exceeds-own');
    requireHeld(giver, grants ?? {});
  }
}

/** Somebody who is no administrator touches no account, and makes none, that can do more than he can: `grant-exceeds-own`. */
export function requireManageable(principal: Principal, company: Company, account: Account): void {
  if (principal.isAdmin) return;
  if (account.isAdmin) refuse('grant-exceeds-own');
  requireHeld(principal, rightsIn(company, account).toJSON());
}

/**
 * Nobody changes his own privileges, also not by way of a role that he holds or a department that he is in: throws
 * `own-privileges` when his rights, or the departments that his rights at level group reach, would be others.
 */
export function refuseOwnChange(me: Account, before: Company, after: Company): void {
  if (standing(me, before) !== standing(me, after)) refuse('own-privileges');
}

function standing(me: Account, company: Company): string {
  const rights = rightsIn(company, me).toJSON();
  const readsGroup = Object.values(rights).some((row) => Object.values(row).includes('group'));
  const within = readsGroup && me.departmentId !== null ? departmentsWithin(me.departmentId, company.departments) : [];
  return JSON.stringify([rights, [...within].sort()]);
}
