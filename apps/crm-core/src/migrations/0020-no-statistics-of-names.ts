import { sql, type Kysely, type Migration } from 'kysely';

/** Columns that hold what people are called, or what is written of them. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  contacts: ['name', 'note', 'tags', 'custom_fields'],
  deals: ['title', 'note', 'tags', 'custom_fields', 'lose_reason'],
  deal_attributions: ['values'],
  leads: ['shown', 'attribution'],
  reveals: ['reason'],
};

/**
 * The planner's statistics are samples of rows, names and all, which nobody who is erased is erased from, and which the gateway may read.
 * No plan hangs on them: lists go by indexes in the order asked for. The words that are searched for keep theirs: how a rare word of few
 * people's rows is found does hang on it (ADR 12).
 */
export const noStatisticsOfNames: Migration = {
  async up(db: Kysely<never>) {
    for (const [table, columns] of Object.entries(WORDS)) {
      for (const column of columns) {
        await sql`ALTER TABLE ${sql.table(`read.${table}`)} ALTER COLUMN ${sql.ref(column)} SET STATISTICS 0`.execute(db);
        // What was sampled before stays otherwise: such a column is passed over from now on.
        await sql`SELECT pg_clear_attribute_stats('read', ${sql.lit(table)}, ${sql.lit(column)}, false)`.execute(db);
      }
    }
  },
};
