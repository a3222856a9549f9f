import type { Kysely, Migration } from 'kysely';
import { createAppendEach } from '#event-store';

/** Appends that have nothing to do with one another share a transaction. */
export const appendEach0015: Migration = {
  async up(db: Kysely<never>) {
    await createAppendEach(db);
  },
};
