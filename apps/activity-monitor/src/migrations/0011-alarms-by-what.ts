import { sql, type Kysely, type Migration } from 'kysely';

/** Alarms of one type and about one person, in the order of the list. */
export const alarmsByWhat: Migration = {
  async up(db: Kysely<never>) {
    await sql`CREATE INDEX alarms_type ON monitor.alarms ((alarm->>'type'), id)`.execute(db);
    await sql`CREATE INDEX alarms_person ON monitor.alarms ((alarm->>'userId'), id)`.execute(db);
  },
};
