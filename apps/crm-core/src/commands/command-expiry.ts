import type { EventStore } from '#event-store';
import { holdLeadership, restFor, type Leadership, type Logger } from '#platform';
import type { Secret } from '#kernel';
import { COMMANDS_KEPT_DAYS } from './repeats.js';

const BATCH = 1_000;
const EVERY_MS = 10 * 60_000;

/** Forgets old commands now, batch by batch, until none is left or `signal` aborts. Returns how many. */
export async function forgetOldCommands(store: EventStore, signal: AbortSignal): Promise<number> {
  for (let total = 0; ;) {
    const forgotten = await store.forgetCommands(COMMANDS_KEPT_DAYS, BATCH);
    total += forgotten;
    if (forgotten < BATCH || signal.aborted) return total;
  }
}

/** Keeps `es.commands` to its days: one core at a time, every ten minutes. */
export function expireCommands(options: {
  readonly databaseUrl: Secret<string>;
  readonly store: EventStore;
  readonly logger: Logger;
}): Leadership {
  const { databaseUrl, store, logger } = options;
  return holdLeadership({
    databaseUrl,
    name: 'command-expiry',
    logger,
    onAcquired: async (signal) => {
      while (!signal.aborted) {
        await forgetOldCommands(store, signal).catch((error: unknown) => logger.warn('old commands are kept', { error }));
        await restFor(EVERY_MS, signal);
      }
    },
  });
}
