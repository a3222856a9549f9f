import { Secret } from '#kernel';
import { runMigrations } from '#platform';
import { firstLight } from './0001-first-light.js';
import { erasures } from './0005-erasures.js';
import { departmentRoles } from './0008-department-roles.js';

export const MIGRATIONS = {
  schema: 'es',
  migrations: { '0001-first-light': firstLight, '0005-erasures': erasures, '0008-department-roles': departmentRoles },
} as const;

/** Brings the schemas `es`, `vault` and `read` up to date with the role palisade_core. */
export async function migrate(databaseUrl: string): Promise<void> {
  await runMigrations({ ...MIGRATIONS, databaseUrl: new Secret(databaseUrl) });
}
