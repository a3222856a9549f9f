import type { Migration } from 'kysely';
import { Secret } from '#kernel';
import { runMigrations } from '#platform';
import { access } from './0001-access.js';
import { auditPosition } from './0002-audit-position.js';
import { secondFactors } from './0003-second-factors.js';
import { exports } from './0004-exports.js';
import { imports } from './0006-imports.js';
import { watching } from './0010-watching.js';

/** By name; what has run is never changed. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-access': access,
  '0002-audit-position': auditPosition,
  '0003-second-factors': secondFactors,
  '0004-exports': exports,
  '0006-imports': imports,
  '0010-watching': watching,
};
export const SCHEMA = 'access';

/** Brings the schema `access` up to date, as the role of the URL (`palisade_gateway`, which owns it); gives what was run now. */
export function migrate(databaseUrl: string): Promise<string[]> {
  return runMigrations({ databaseUrl: new Secret(databaseUrl), schema: SCHEMA, migrations: MIGRATIONS });
}
