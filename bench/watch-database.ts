import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { FIRST_SECURITY_SETTINGS, type Limit } from '#contracts';
import { migrate as migrateMonitor } from '../apps/activity-monitor/src/migrations/index.js';
import { migrate as migrateCore } from '../apps/crm-core/src/migrations/index.js';
import { setUpDatabase, withDatabase, type DatabaseRole } from '../deploy/src/database-roles.js';
import type { BenchSystem } from './system.js';

/** A database of the bench's own on the system's server, with the gate and the monitor's tables, and people to be watched. */
export interface WatchDatabase {
  readonly urls: Readonly<Record<DatabaseRole | 'superuser', string>>;
  readonly people: readonly string[];
}

/** Makes one with so many people, and limits on opening contacts, by the hour and by the day. */
export async function watchDatabase(
  system: BenchSystem,
  name: string,
  people: number,
  max: number,
  action: Limit['action'] = 'refuse',
): Promise<WatchDatabase> {
  const { superuser, core, gateway, monitor } = system.connections.database;
  const password = (url: string): string => decodeURIComponent(new URL(url).password);
  const passwords = { core: password(core), gateway: password(gateway), monitor: password(monitor) };
  const urls = await setUpDatabase(withDatabase(superuser, 'postgres'), passwords, name);
  await migrateCore(urls.core);
  await migrateMonitor(urls.monitor);
  const ids = Array.from({ length: people }, () => randomUUID());
  const client = new Client({ connectionString: urls.core });
  await client.connect();
  try {
    await client.query(
      `INSERT INTO read.principals (user_id, status, is_admin, role_ids, epoch, epoch_since, version)
       SELECT id, 'active', false, '{}', 1, now() - interval '1 day', 1 FROM unnest($1::uuid[]) AS id`,
      [ids],
    );
    const limit = (window: Limit['window']): Limit => ({
      ...{ measure: 'contact.opened', window, max, action, scope: { everyone: true } },
    });
    const activityMonitoring = { ...FIRST_SECURITY_SETTINGS.activityMonitoring, limits: [limit('hour'), limit('day')] };
    await client.query('UPDATE read.security SET settings = $1, authz_version = authz_version + 1', [
      JSON.stringify({ ...FIRST_SECURITY_SETTINGS, activityMonitoring }),
    ]);
  } finally {
    await client.end();
  }
  return { urls, people: ids };
}

const DISCLOSURES_AT_ONCE = 100_000;

/**
 * Fills the log with so many disclosures of these people, of different cards, over the last twenty hours. Without tallies, as from a
 * tool: each person's next admission counts his window once.
 */
export async function fillLog({ urls, people }: WatchDatabase, disclosures: number): Promise<void> {
  const client = new Client({ connectionString: urls.monitor });
  await client.connect();
  try {
    await client.query("SET statement_timeout = '5min'");
    await client.query('SET synchronous_commit = off');
    for (let made = 0; made < disclosures; made += DISCLOSURES_AT_ONCE) {
      await client.query(
        `INSERT INTO watch.disclosures
           (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked, request_id)
         SELECT uuidv7(), now() - interval '20 hours' * (1 - n::double precision / $2), ($1::uuid[])[1 + n % cardinality($1)], false, 1,
           'contact.opened', 'card', 'contact', ARRAY[gen_random_uuid()], 1, true, gen_random_uuid()
         FROM generate_series($3::integer, $4::integer) AS n`,
        [people, disclosures, made, Math.min(made + DISCLOSURES_AT_ONCE, disclosures) - 1],
      );
    }
    await client.query('ANALYZE watch.disclosures');
  } finally {
    await client.end();
  }
}
