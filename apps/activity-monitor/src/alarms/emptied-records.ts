import { sql, type Transaction } from 'kysely';
import { z } from 'zod';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';

/** What the monitor needs of the fact that a contact or a company was changed; the fact holds more. */
export const recordChangedSchema = z.object({
  id: z.uuid(),
  at: z.iso.datetime({ offset: true }),
  actorId: z.uuid().nullable(),
  /** The lists of numbers and addresses that the change left empty. */
  emptied: z.array(z.string()).optional(),
});
type RecordChanged = z.output<typeof recordChangedSchema>;

/** So many records by one person within 10 minutes are worth an alarm: as many as when they are deleted. */
const LEVEL = 20;

/**
 * Raises `mass.deletion` with the change by which one person took all numbers or addresses away from so many records: who leaves does not
 * need to delete them. Again only after the number fell below the level.
 */
export async function raiseEmptiedRecords(trx: Transaction<unknown>, facts: readonly RecordChanged[]): Promise<void> {
  const emptying = facts.filter(({ emptied = [], actorId }) => emptied.length > 0 && actorId !== null);
  const drafts: AlarmDraft[] = [];
  for (const [userId, changes] of Map.groupBy(emptying, ({ actorId }) => actorId ?? '')) {
    const from = await note(trx, userId, changes);
    if (from !== null) drafts.push(...(await reached(trx, userId, from)));
  }
  await raiseAlarms(trx, drafts);
}

/** Keeps them, and forgets what is older than a day. The time of the first that was new; null when all were known. */
async function note(trx: Transaction<unknown>, userId: string, changes: readonly RecordChanged[]): Promise<string | null> {
  const { rows } = await sql<{ at: string | null }>`
    WITH noted AS (
      INSERT INTO monitor.emptied_lists (id, at, user_id)
      SELECT c.id, c.at, ${userId} FROM unnest(${changes.map(({ id }) => id)}::uuid[], ${changes.map(({ at }) => at)}::timestamptz[]) AS c(id, at)
      ON CONFLICT DO NOTHING RETURNING at
    ), forgotten AS (
      DELETE FROM monitor.emptied_lists AS e
      WHERE e.user_id = ${userId} AND e.at < (SELECT min(n.at) FROM noted AS n) - interval '1 day'
    )
    SELECT watch.iso(min(n.at)) AS at FROM noted AS n`.execute(trx);
  return rows[0]?.at ?? null;
}

/** The changes since then by which the level was reached. */
async function reached(trx: Transaction<unknown>, userId: string, from: string): Promise<readonly AlarmDraft[]> {
  const { rows } = await sql<{ id: string; at: string; count: number }>`
    WITH counted AS (
      SELECT e.id, e.at, count(*) OVER (ORDER BY e.at RANGE BETWEEN '599.999999 seconds' PRECEDING AND CURRENT ROW) AS count
      FROM monitor.emptied_lists AS e WHERE e.user_id = ${userId} AND e.at > ${from}::timestamptz - interval '20 minutes'
    ), reaching AS (
      SELECT *, coalesce(lag(count) OVER (ORDER BY at, id), 0) AS before FROM counted
    )
    SELECT r.id, watch.iso(r.at) AS at, r.count::integer FROM reaching AS r
    WHERE r.count >= ${LEVEL} AND r.before < ${LEVEL} AND r.at >= ${from}::timestamptz ORDER BY r.at`.execute(trx);
  return rows.map(({ id, at, count }) => ({
    key: `mass.deletion|${id}`,
    alarm: {
      ...{ type: 'mass.deletion', severity: 'critical', at, userId, limit: LEVEL, count },
      message: `One person took all numbers or addresses away from ${count} records within 10 minutes.`,
    },
  }));
}
