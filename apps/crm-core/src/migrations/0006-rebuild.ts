import { sql, type Kysely, type Migration } from 'kysely';
import { createAppendOne } from '#event-store';

/** The short way of one event to one stream. Erasing events are few among many: what was erased is found at each start without reading the log (types end in `Erased`). */
export const rebuildMigration: Migration = {
  async up(db: Kysely<never>) {
    await createAppendOne(db);
    await sql`CREATE INDEX events_erasing ON es.events (stream, version) WHERE type LIKE '%Erased'`.execute(db);
  },
};
