import { Secret } from '#kernel';
import { runMigrations } from '#platform';
import { firstLight } from './0001-first-light.js';
import { namesOnDeals } from './0003-names-on-deals.js';

export const MIGRATIONS = {
  schema: 'monitor',
  migrations: { '0001-first-light': firstLight, '0003-names-on-deals': namesOnDeals },
} as const;

/** Brings the schemas `watch` and `monitor` up to date with the role palisade_monitor. Core's migrations run before. */
export async function migrate(databaseUrl: string): Promise<void> {
  await runMigrations({ ...MIGRATIONS, databaseUrl: new Secret(databaseUrl) });
}
