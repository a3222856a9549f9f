import { sql, type Kysely } from 'kysely';
import { earliestIdOf } from '#kernel';
import { foldEvents } from './fold-events.js';

const NAME = 'disclosure-log';
const BATCH = 500;
/** Younger ones are left to the stream, which brings them in a moment. */
const YOUNGEST_MS = 5_000;
/** Far longer than a transaction of the gate can take: what commits late is found by the next check. */
const OVERLAP_MS = 600_000;

/**
 * The self-check against the disclosure log: folds what the log has of people in these partitions and the stream never brought (its
 * directory was wiped, the broker is away). Looks from the last check on, the first time at the whole log. Returns how many events
 * were missing.
 */
export async function fillInFromLog(db: Kysely<unknown>, partitions: readonly number[]): Promise<number> {
  if (partitions.length === 0) return 0;
  const { since, until } = await bounds(db, partitions);
  let filled = 0;
  for (;;) {
    const ids = await missing(db, partitions, earliestIdOf(since), earliestIdOf(until));
    if (ids.length > 0) filled += (await db.transaction().execute((trx) => foldEvents(trx, ids))).folded;
    if (ids.length < BATCH) break;
  }
  await sql`
    INSERT INTO monitor.self_checks (name, checked_until)
    SELECT ${NAME} || ':' || p, ${new Date(until)} FROM unnest(${partitions}::integer[]) AS p ORDER BY p
    ON CONFLICT (name) DO UPDATE SET checked_until = excluded.checked_until`.execute(db);
  return filled;
}

/** By the database's clock; the last check may lie ahead of it when that was moved back. */
async function bounds(db: Kysely<unknown>, partitions: readonly number[]): Promise<{ since: number; until: number }> {
  const { rows } = await sql<{ now: Date; checked: Date | null }>`
    SELECT clock_timestamp() AS now, (
      SELECT min(coalesce(own.checked_until, whole.checked_until, 'epoch'))
      FROM unnest(${partitions}::integer[]) AS p
      LEFT JOIN monitor.self_checks AS own ON own.name = ${NAME} || ':' || p
      LEFT JOIN monitor.self_checks AS whole ON whole.name = ${NAME}
    ) AS checked`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('the clock was not read');
  const until = row.now.getTime() - YOUNGEST_MS;
  return { since: Math.max(0, Math.min(row.checked?.getTime() ?? 0, until) - OVERLAP_MS), until };
}

async function missing(db: Kysely<unknown>, partitions: readonly number[], from: string, to: string): Promise<string[]> {
  const unfolded = (table: 'disclosures' | 'refusals') => sql`
    (SELECT d.id FROM watch.${sql.raw(table)} AS d
     WHERE d.id >= ${from}::uuid AND d.id < ${to}::uuid AND monitor.partition_of(d.user_id) = ANY (${partitions}::integer[])
       AND NOT EXISTS (SELECT FROM monitor.folded AS f WHERE f.event_id = d.id)
     ORDER BY d.id LIMIT ${BATCH})`;
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM (${unfolded('disclosures')} UNION ALL ${unfolded('refusals')}) AS u ORDER BY id LIMIT ${BATCH}`.execute(db);
  return rows.map((row) => row.id);
}
