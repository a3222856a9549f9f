import { sql, type Kysely, type Migration } from 'kysely';
import { DISCLOSURE_LOG } from './disclosure-log.js';
import { GATE, WATCH_RIGHTS } from './gate.js';
import { MONITOR_TABLES } from './monitor-tables.js';
import { WINDOW_ARITHMETIC } from './window-arithmetic.js';

/** The gate with its log, and the monitor's tables. Needs the schemas `watch` and `monitor`, owned by palisade_monitor. */
export const firstLight: Migration = {
  async up(db: Kysely<never>) {
    for (const part of [DISCLOSURE_LOG, WINDOW_ARITHMETIC, GATE, WATCH_RIGHTS, MONITOR_TABLES]) await sql.raw(part).execute(db);
  },
};
