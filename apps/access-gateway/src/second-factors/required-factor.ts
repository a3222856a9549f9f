import type { AuthorizationRow } from '#contracts';

/** Whether one of the person's roles, or a role that it extends, requires a second factor of him. */
export function requiresSecondFactor({ roleIds, roles }: Pick<AuthorizationRow, 'roleIds' | 'roles'>): boolean {
  if (!roles.some((role) => role.requireSecondFactor)) return false;
  const reached = new Set(roleIds);
  // A set takes in what is added while it is gone through, and each id once: circles end.
  for (const id of reached) {
    const role = roles.find((one) => one.id === id);
    if (role?.requireSecondFactor === true) return true;
    if (role !== undefined && role.extendsId !== null) reached.add(role.extendsId);
  }
  return false;
}
