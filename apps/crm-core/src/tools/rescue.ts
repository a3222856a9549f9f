import { EventStore } from '#event-store';
import { createPool, exitOnConfigError, readConfig, reduceError } from '#platform';
import type { KeyWrapper } from '#privacy';
import { coreConfigSchema } from '../config.js';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { clearAddressList } from '../security-settings/rescue.js';

/** Nothing is sealed in the settings: a rescue works where the key from outside is not at hand, and makes none. */
const NO_KEYS: KeyWrapper = {
  kekId: 'none',
  wrap: refuseKey,
  unwrap: refuseKey,
  refresh: () => undefined,
};

/** Whoever calls for a rescue waits rather than is turned away: the machine may have too much to do. */
const CONNECT_WITHIN_MS = 15_000;

function refuseKey(): never {
  throw new Error('a rescue has no keys');
}

/**
 * `npm run rescue`: clears the IP allow-list, for whoever locked everybody out. Needs this machine and nobody's sign-in. Works
 * beside the running system, from the next request on.
 */
async function main(): Promise<void> {
  const config = exitOnConfigError(() => readConfig(coreConfigSchema, process.env));
  const pool = createPool({
    ...{ connectionString: config.databaseUrl, max: 1, applicationName: 'rescue', pipeline: true },
    connectWithinMs: CONNECT_WITHIN_MS,
  });
  try {
    const log = new CrmLog(new EventStore(pool), new DataKeys(pool, NO_KEYS), Buffer.alloc(0));
    const { changed, wasEnabled, entries } = await clearAddressList(log, () => new Date());
    if (!changed) return say('there is no IP allow-list; nothing was changed');
    say(
      `the IP allow-list is cleared: it was ${wasEnabled ? 'on' : 'off'}, with ${entries} entries; requests are admitted from anywhere`,
    );
    say(
      'written down in the audit trail as settings.changed, with the entries that there were, by no person and from no address',
    );
  } finally {
    await pool.end().catch(() => undefined);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main().catch((error: unknown) => {
  const told = JSON.stringify(reduceError(error));
  process.stderr.write(`the list was not cleared: ${told}\n  next: see that it runs (npm start), and npm run rescue\n`);
  process.exitCode = 1;
});
