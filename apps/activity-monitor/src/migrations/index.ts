import { Secret } from '#kernel';
import { runMigrations } from '#platform';
import { firstLight } from './0001-first-light.js';
import { rolesOfDepartments } from './0004-roles-of-departments.js';

export const MIGRATIONS = {
  schema: 'monitor',
  migrations: { '0001-first-light': firstLight, '0004-roles-of-departments': rolesOfDepartments },
} as const;

/** Brings the schemas `watch` and `monitor` up to date with the role palisade_monitor. Core's migrations run before. */
export async function migrate(databaseUrl: string): Promise<void> {
  await runMigrations({ ...MIGRATIONS, databaseUrl: new Secret(databaseUrl) });
}
