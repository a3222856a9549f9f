import type { Pool } from 'pg';
import type { Secret } from '#kernel';
import { holdLeadership, restFor, type Leadership, type Logger } from '#platform';
import type { CrmLog } from '../log/crm-log.js';
import { endCall } from './call-dispatcher.js';

/** Far longer than a call can be under way: whoever had it is gone. */
const ABANDONED_AFTER = '60 seconds';
const EVERY_MS = 10_000;
const BATCH = 100;

/**
 * Calls whose core ended before it wrote what became of them: nobody knows whether they were taken, and a call of a minute ago is
 * not made any more. Returns how many.
 */
export async function failAbandonedCalls(pool: Pool, log: CrmLog, now: Date): Promise<number> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM read.calls WHERE state = 'placed' AND placed_at < clock_timestamp() - interval '${ABANDONED_AFTER}'
     ORDER BY placed_at LIMIT ${BATCH}`,
  );
  for (const { id } of rows) await endCall(log, id, { type: 'fail', cause: 'interrupted' }, now);
  return rows.length;
}

/** Looks for abandoned calls every ten seconds, one core at a time. */
export function watchAbandonedCalls(options: {
  readonly databaseUrl: Secret<string>;
  readonly pool: Pool;
  readonly log: CrmLog;
  readonly now: () => Date;
  readonly logger: Logger;
}): Leadership {
  const { databaseUrl, pool, log, now, logger } = options;
  return holdLeadership({
    databaseUrl,
    name: 'abandoned-calls',
    logger,
    onAcquired: async (signal) => {
      while (!signal.aborted) {
        await failAbandonedCalls(pool, log, now()).catch((error: unknown) => logger.warn('abandoned calls wait', { error }));
        await restFor(EVERY_MS, signal);
      }
    },
  });
}
