import { refuse } from '#kernel';
import type { Statement } from '#event-store';
import { judgedAgain } from './judged-again.js';

/** Raised by the guards of migration 0008: what a plan names is gone; what it removes is in use. */
const NAMED_IS_GONE = 'PA081';
const REMOVED_IS_IN_USE = 'PA082';

interface Reference {
  readonly locks: readonly string[];
  readonly guards: readonly Statement[];
}

/**
 * What an append needs that names roles and departments: the locks of their streams, under which none of them is removed
 * meanwhile, and the guard that they are there. Run it in `whileTheyStand`.
 */
export function naming(roleIds: readonly string[], departmentId?: string | null): Reference {
  const departmentIds = departmentId === null || departmentId === undefined ? [] : [departmentId];
  if (roleIds.length + departmentIds.length === 0) return { locks: [], guards: [] };
  return {
    locks: [...roleIds.map((id) => `role-${id}`), ...departmentIds.map((id) => `department-${id}`)],
    guards: [
      {
        name: 'require roles and departments',
        text: 'SELECT read.require_roles_and_departments($1::uuid[], $2::uuid[])',
        values: [roleIds, departmentIds],
      },
    ],
  };
}

/** Runs a command that names roles or departments: when one was removed under its hands, it is judged anew and finds it gone. */
export function whileTheyStand<T>(run: () => Promise<T>): Promise<T> {
  return judgedAgain(NAMED_IS_GONE, run);
}

/** The guard of an append that removes: nobody has it and nothing names it. Its own stream is locked by the append. */
export function unused(kind: 'role' | 'department', id: string): Statement {
  return { name: `require unused ${kind}`, text: `SELECT read.require_unused_${kind}($1)`, values: [id] };
}

/** Throws `in-use` for what the guard `unused` found in use. */
export async function unlessInUse<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === REMOVED_IS_IN_USE) return refuse('in-use');
    throw error;
  }
}
