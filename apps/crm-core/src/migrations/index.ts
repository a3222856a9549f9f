import { Secret } from '#kernel';
import { runMigrations } from '#platform';
import { recordsInFull } from './0002-records-in-full.js';
import { firstLight } from './0001-first-light.js';
import { rewinds } from './0003-rewinds.js';

export const MIGRATIONS = {
  schema: 'es',
  migrations: { '0001-first-light': firstLight, '0002-records-in-full': recordsInFull, '0003-rewinds': rewinds },
} as const;

/** Brings the schemas `es`, `vault` and `read` up to date with the role palisade_core. */
export async function migrate(databaseUrl: string): Promise<void> {
  await runMigrations({ ...MIGRATIONS, databaseUrl: new Secret(databaseUrl) });
}
