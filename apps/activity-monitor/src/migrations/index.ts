import { Secret } from '#kernel';
import { runMigrations } from '#platform';
import { firstLight } from './0001-first-light.js';
import { namesOnDeals } from './0003-names-on-deals.js';
import { rolesOfDepartments } from './0004-roles-of-departments.js';
import { lookups } from './0005-lookups.js';
import { tallies } from './0006-tallies.js';
import { partitions } from './0007-partitions.js';
import { ledgerByMonth } from './0010-ledger-by-month.js';
import { alarmsByWhat } from './0011-alarms-by-what.js';
import { patterns } from './0013-patterns.js';
import { admitEach } from './0014-admit-each.js';
import { keptTallies } from './0015-kept-tallies.js';
import { hidingRewinds } from './0016-hiding-rewinds.js';
import { emptiedLists } from './0017-emptied-lists.js';
import { keptLog } from './0018-kept-log.js';

/** By name; what has run is never changed. */
const migrations = {
  '0001-first-light': firstLight,
  '0003-names-on-deals': namesOnDeals,
  '0004-roles-of-departments': rolesOfDepartments,
  '0005-lookups': lookups,
  '0006-tallies': tallies,
  '0007-partitions': partitions,
  '0010-ledger-by-month': ledgerByMonth,
  '0011-alarms-by-what': alarmsByWhat,
  '0013-patterns': patterns,
  '0014-admit-each': admitEach,
  '0015-kept-tallies': keptTallies,
  '0016-hiding-rewinds': hidingRewinds,
  '0017-emptied-lists': emptiedLists,
  '0018-kept-log': keptLog,
};
export const MIGRATIONS = {
  schema: 'monitor',
  migrations,
} as const;

/** Brings the schemas `watch` and `monitor` up to date with the role palisade_monitor. Core's migrations run before. */
export async function migrate(databaseUrl: string): Promise<void> {
  await runMigrations({ ...MIGRATIONS, databaseUrl: new Secret(databaseUrl) });
}
