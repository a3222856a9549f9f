import { Secret } from '#kernel';
import { runMigrations } from '#platform';
import { firstLight } from './0001-first-light.js';
import { recordsInFull } from './0002-records-in-full.js';
import { rewinds } from './0003-rewinds.js';
import { seals0004 } from './0004-seals.js';
import { erasures } from './0005-erasures.js';
import { rebuildMigration } from './0006-rebuild.js';
import { keyRotation } from './0007-key-rotation.js';
import { departmentRoles } from './0008-department-roles.js';
import { secondFactorOfRoles } from './0009-second-factor-of-roles.js';
import { calls } from './0010-calls.js';
import { companiesByName } from './0013-companies-by-name.js';
import { formsInFull } from './0014-forms-in-full.js';
import { appendEach0015 } from './0015-append-each.js';
import { leads } from './0016-leads.js';
import { appendTogether0017 } from './0017-append-together.js';
import { noStatisticsOfMasks } from './0018-no-statistics-of-masks.js';
import { reveals } from './0019-reveals.js';
import { noStatisticsOfNames } from './0020-no-statistics-of-names.js';

/** By name; what has run is never changed. */
const migrations = {
  '0001-first-light': firstLight,
  '0002-records-in-full': recordsInFull,
  '0003-rewinds': rewinds,
  '0004-seals': seals0004,
  '0005-erasures': erasures,
  '0006-rebuild': rebuildMigration,
  '0007-key-rotation': keyRotation,
  '0008-department-roles': departmentRoles,
  '0009-second-factor-of-roles': secondFactorOfRoles,
  '0010-calls': calls,
  '0013-companies-by-name': companiesByName,
  '0014-forms-in-full': formsInFull,
  '0015-append-each': appendEach0015,
  '0016-leads': leads,
  '0017-append-together': appendTogether0017,
  '0018-no-statistics-of-masks': noStatisticsOfMasks,
  '0019-reveals': reveals,
  '0020-no-statistics-of-names': noStatisticsOfNames,
};
export const MIGRATIONS = { schema: 'es', migrations } as const;

/** Brings the schemas `es`, `vault` and `read` up to date with the role palisade_core. */
export async function migrate(databaseUrl: string): Promise<void> {
  await runMigrations({ ...MIGRATIONS, databaseUrl: new Secret(databaseUrl) });
}
