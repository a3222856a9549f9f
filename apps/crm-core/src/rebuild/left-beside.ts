import type { Pool } from 'pg';
import type { Secret } from '#kernel';
import { restFor, type Logger } from '#platform';
import { alone } from './rebuild.js';
import { RebuildRefused } from './rebuild-refused.js';
import { BESIDE } from './table-shape.js';

const EVERY_MS = 60_000;

export interface LeftBesideOptions {
  readonly databaseUrl: Secret<string>;
  readonly pool: Pool;
}

/**
 * Drops what a rebuild left that was killed: its tables hold names and sealed numbers, and nobody who is erased later is erased there.
 * Leaves alone what a rebuild is at work on. Returns whether anything was dropped.
 */
export async function clearLeftBeside({ databaseUrl, pool }: LeftBesideOptions): Promise<boolean> {
  const { rows } = await pool.query(
    `SELECT FROM pg_class WHERE relnamespace = '${BESIDE}'::regnamespace AND relkind = 'r' LIMIT 1`,
  );
  if (rows.length === 0) return false;
  try {
    await alone({ databaseUrl }, () => Promise.resolve());
    return true;
  } catch (error) {
    if (error instanceof RebuildRefused) return false;
    throw error;
  }
}

/** `clearLeftBeside` once a minute. */
export function watchLeftBeside(options: LeftBesideOptions & { readonly logger: Logger }): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const cleared = await clearLeftBeside(options).catch((error: unknown) =>
        options.logger.warn('what a rebuild left waits', { error }),
      );
      if (cleared === true) options.logger.info('what a killed rebuild left is gone');
      await restFor(EVERY_MS, stopping.signal);
    }
  })();
  return {
    stop: () => {
      stopping.abort();
      return watching;
    },
  };
}
