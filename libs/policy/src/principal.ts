import type { Rights } from './effective-rights.js';
import { byId, lineage } from './lineage.js';

/** The person on whose behalf something is asked. */
export interface Principal {
  readonly userId: string;
  readonly isAdmin: boolean;
  readonly rights: Rights;
  /** Ids of the people whose department is his or lies below it, and always his own; see `groupOf`. */
  readonly groupUserIds: ReadonlySet<string>;
}

/** A department with the roles given to it. */
export interface Department {
  readonly id: string;
  readonly parentId?: string | null;
  readonly roleIds?: readonly string[];
}

/** A person's place in the company and the roles given to him. */
export interface Member {
  readonly id: string;
  readonly departmentId: string | null;
  readonly roleIds?: readonly string[];
}

/**
 * The group of a person: himself and everybody whose department is his or lies below it. Without a department he has only
 * himself; a department whose way up is broken or circular belongs to nobody's group.
 */
export function groupOf(person: Member, people: readonly Member[], departments: readonly Department[]): ReadonlySet<string> {
  const group = new Set([person.id]);
  if (person.departmentId === null) return group;
  const within = departmentsWithin(person.departmentId, departments);
  for (const other of people) if (other.departmentId !== null && within.has(other.departmentId)) group.add(other.id);
  return group;
}

/** Ids of the department and of all below it; none whose way up is broken or circular. */
export function departmentsWithin(id: string, departments: readonly Department[]): ReadonlySet<string> {
  const tree = byId(departments);
  const isWithin = (department: Department): boolean =>
    lineage(department.id, tree, (one) => one.parentId)?.some((above) => above.id === id) ?? false;
  return new Set(departments.filter(isWithin).map((department) => department.id));
}

/** Ids of the department and of those above it, from itself upwards; none where the way up is broken or circular. */
export function departmentsAbove(id: string, departments: readonly Department[]): readonly string[] {
  return (lineage(id, byId(departments), (department) => department.parentId) ?? []).map((department) => department.id);
}

/**
 * Ids of the roles a person holds: his own, his department's and those of the departments above it. Where the way up is
 * broken or circular, only his own.
 */
export function heldRoleIds(person: Member, departments: readonly Department[]): readonly string[] {
  const above =
    person.departmentId === null ? null : lineage(person.departmentId, byId(departments), (department) => department.parentId);
  return [...new Set([...(person.roleIds ?? []), ...(above ?? []).flatMap((department) => department.roleIds ?? [])])];
}
