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
