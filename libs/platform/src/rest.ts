import { setTimeout as sleep } from 'node:timers/promises';

/** Rests for so many milliseconds, or until the signal aborts. Never rejects: the loop around it looks at the signal itself. */
export async function restFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
