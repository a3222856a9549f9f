import { refuse } from '#kernel';

/** How often a command is planned anew after a guard found that its plan had been overtaken. */
const ATTEMPTS = 8;

/**
 * Runs a command whose guard raises `sqlState` when two changes at once made together what neither alone would have. Planned anew
 * it meets what the other left, and is judged by that. Throws `version-conflict` when it is overtaken each time.
 */
export async function judgedAgain<T>(sqlState: string, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code !== sqlState) throw error;
    }
  }
  return refuse('version-conflict');
}
