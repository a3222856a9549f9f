import { CELLS, levelIn, widest, type Grants, type Level, type RightsMatrix } from './grants.js';
import { byId, lineage } from './lineage.js';

/** A role as it is stored. */
export interface Role {
  readonly id: string;
  readonly name: string;
  readonly extendsId?: string | null;
  readonly grants: Grants;
}

/** Who holds what: `roles` are all roles there are, `roleIds` those of the person, his department and the ones above it. */
export interface RightsSource {
  readonly isAdmin: boolean;
  readonly roles: readonly Role[];
  readonly roleIds: readonly string[];
}

interface HeldCell {
  readonly level: Level;
  /** The roles that give this level; empty where no role does. */
  readonly roleIds: readonly string[];
}

/** Cells an administrator does not hold of himself: nobody sees full numbers unasked, administrators reveal. */
const NOT_BY_OFFICE: ReadonlySet<string> = new Set(['grants.phone.view', 'grants.email.view']);

/** The compiled rights of one person. Made by `compileRights` only. */
export class Rights {
  readonly #cells: ReadonlyMap<string, HeldCell>;

  constructor(
    readonly isAdmin: boolean,
    cells: ReadonlyMap<string, HeldCell>,
  ) {
    this.#cells = cells;
  }

  /** The level held; `forbidden` for what the catalogue does not know. */
  level(subject: string, action: string): Level {
    return this.#cells.get(`grants.${subject}.${action}`)?.level ?? 'forbidden';
  }

  /** Ids of the roles that give the level held. Empty where it is forbidden, or held by office as administrator. */
  grantedBy(subject: string, action: string): readonly string[] {
    return this.#cells.get(`grants.${subject}.${action}`)?.roleIds ?? [];
  }

  /** Every cell with its level, as GET /v1/me shows it. */
  toJSON(): RightsMatrix {
    const matrix: Record<string, Record<string, Level>> = {};
    for (const { subject, action } of CELLS) (matrix[subject] ??= {})[action] = this.level(subject, action);
    return matrix as RightsMatrix;
  }
}

/**
 * The rights of a person: per cell the widest level of his roles. A role id that no role has, and a role whose chain of
 * parents is broken or circular, grant nothing. An administrator has everything but `phone.view` and `email.view`, which
 * he has as far as his roles give them.
 */
export function compileRights({ isAdmin, roles, roleIds }: RightsSource): Rights {
  const held = [...new Set(roleIds)].map((id) => ({ id, grants: resolveGrants(id, roles) ?? {} }));
  const cells = new Map<string, HeldCell>();
  for (const cell of CELLS) {
    if (isAdmin && !NOT_BY_OFFICE.has(cell.path)) {
      cells.set(cell.path, { level: 'allowed', roleIds: [] });
      continue;
    }
    const given = held.map((role) => ({ id: role.id, level: levelIn(role.grants, cell) ?? 'forbidden' }));
    const level = given.reduce<Level>((soFar, role) => widest(soFar, role.level), 'forbidden');
    const roleIds = level === 'forbidden' ? [] : given.filter((role) => role.level === level).map((role) => role.id);
    cells.set(cell.path, { level, roleIds });
  }
  return new Rights(isAdmin, cells);
}

/**
 * What a role grants with its parents: the child's cells replace the parent's. `null` where the role or one of its parents
 * is missing, or the parents run in a circle; whoever saves such a role refuses it.
 */
export function resolveGrants(roleId: string, roles: readonly Role[]): Grants | null {
  const chain = lineage(roleId, byId(roles), (role) => role.extendsId);
  if (chain === null) return null;
  const resolved: Record<string, Record<string, Level>> = {};
  for (const cell of CELLS) {
    for (const role of chain) {
      const level = levelIn(role.grants, cell);
      if (level === undefined) continue;
      (resolved[cell.subject] ??= {})[cell.action] = level;
      break;
    }
  }
  return resolved as Grants;
}

/**
 * Paths of the cells that would give more than the granter holds; empty when he may grant them all. Administrators may
 * grant any cell. Give it the resolved grants of a role: what it takes from its parents is granted as well.
 */
export function exceeds(granter: Rights, grants: Grants): readonly string[] {
  if (granter.isAdmin) return [];
  return CELLS.filter((cell) => {
    const own = granter.level(cell.subject, cell.action);
    return widest(own, levelIn(grants, cell) ?? 'forbidden') !== own;
  }).map((cell) => cell.path);
}
