import { DomainError } from '#kernel';
import { VersionConflict } from '#event-store';

/** How often a lead is planned anew when another changed what it builds on. */
const ATTEMPTS = 8;
/** SQLSTATEs of the guards: the match has changed, the stage is gone, the turn has passed. */
const OVERTAKEN = ['PA011', 'PA017', 'PA161'];

/** True for a plan that a guard or an expected version refused because another was faster; nothing has changed then. */
function isOvertaken(error: unknown): boolean {
  return OVERTAKEN.includes(String((error as { code?: unknown } | null)?.code));
}

/**
 * Plans and appends, anew when the plan was overtaken. Throws `dependency-unavailable` when it was each time: a crowd is no fault of
 * the lead, and it comes again. Version conflicts are the caller's when he named a version, or leaves them to another loop.
 */
export async function untilNotOvertaken<T>(run: () => Promise<T>, options: { readonly conflictsToo: boolean }): Promise<T> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (!isOvertaken(error) && !(options.conflictsToo && error instanceof VersionConflict)) throw error;
    }
  }
  throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
}
