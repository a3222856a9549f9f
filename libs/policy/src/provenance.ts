import { CELLS, levelIn, type Cell, type Subject } from './grants.js';
import type { Role, Rights } from './effective-rights.js';
import { byId, lineage } from './lineage.js';
import { departmentsAbove, type Department, type Member } from './principal.js';

/** A person among the roles and departments that his rights were compiled of. */
export interface Placement {
  readonly person: Member;
  readonly rights: Rights;
  readonly roles: readonly Role[];
  readonly departments: readonly Department[];
}

/**
 * In words and ids, how the person comes to the level he holds: which role gives it, to whom that role is given, and from which of
 * its parents it takes the cell. Nothing where no role does.
 */
export function provenance(placement: Placement, subject: Subject, action: string): readonly string[] {
  const cell = CELLS.find((one) => one.subject === subject && one.action === action);
  if (cell === undefined) return [];
  return placement.rights
    .grantedBy(subject, action)
    .flatMap((roleId) => [...givenBy(placement, roleId), ...takenFrom(placement, roleId, cell)]);
}

function givenBy({ person, departments }: Placement, roleId: string): readonly string[] {
  const own = person.roleIds?.includes(roleId) === true ? [`role ${roleId} is given to the person`] : [];
  const above = person.departmentId === null ? [] : departmentsAbove(person.departmentId, departments);
  const byDepartments = above
    .filter((id) => departments.find((one) => one.id === id)?.roleIds?.includes(roleId))
    .map((id) =>
      id === person.departmentId
        ? `role ${roleId} is given to department ${id}, where the person is`
        : `role ${roleId} is given to department ${id}, above the person's department ${person.departmentId}`,
    );
  return [...own, ...byDepartments];
}

function takenFrom({ roles }: Placement, roleId: string, cell: Cell): readonly string[] {
  const chain = lineage(roleId, byId(roles), (role) => role.extendsId) ?? [];
  const source = chain.find(({ grants }) => levelIn(grants, cell) !== undefined);
  if (source === undefined || source.id === roleId) return [];
  return [`role ${roleId} takes ${cell.subject}.${cell.action} from role ${source.id}, which it extends`];
}
