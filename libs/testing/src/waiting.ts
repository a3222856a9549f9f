import { setTimeout as sleep } from 'node:timers/promises';

/** Long, for two suites at a time on two processors: a wait that ends well ends early. */
const WITHIN_MS = 15_000;
const EVERY_MS = 20;

/** Asks again and again until the answer is not undefined; throws, with `what`, when it still is after the time. */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  withinMs = WITHIN_MS,
): Promise<T> {
  for (const end = Date.now() + withinMs; ; await sleep(EVERY_MS)) {
    const found = await ask();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
  }
}

/** Waits until `condition` holds; throws when it does not within the time. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = WITHIN_MS): Promise<void> {
  await eventually('the condition', async () => ((await condition()) ? true : undefined), withinMs);
}
