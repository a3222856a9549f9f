import { sql, type Kysely, type Transaction } from 'kysely';
import { raiseAlarms } from '../alarms/alarm-store.js';
import { isNews, maxWith, type DayLimit, type Told } from './day-limits.rules.js';
import { SUM_DAYS } from './figures.js';
import { countOfBucket } from './histories.js';
import type { JudgedDay } from './judged-days.js';
import { patternAlarm, type Unusual } from './pattern-alarm.js';

/** A limit that a day's count is past, before the day's familiar work is looked at. */
interface Candidate extends DayLimit {
  readonly scope: Unusual['scope'];
  readonly id: string;
  readonly count: number;
  readonly familiarToday: number;
}

/** More at once would be a day on which everybody is unusual; the others come with the next call. */
const AT_ONCE = 200;

/** Raises `pattern.unusual` for what is far outside on a day and was not told yet. Returns how many alarms were raised. */
export async function raiseUnusual(db: Kysely<unknown>, day: JudgedDay): Promise<number> {
  const candidates = await candidatesOf(db, day);
  if (candidates.length === 0) return 0;
  return db.transaction().execute(async (trx) => {
    const told = await toldOf(trx, candidates, day);
    let raised = 0;
    for (const candidate of candidates) {
      const { scope, id, count } = candidate;
      const max = maxWith(candidate, candidate.familiarToday);
      if (count <= max) continue;
      const before = told.get(`${scope} ${id}`) ?? [];
      if (!isNews(candidate, before)) continue;
      told.set(`${scope} ${id}`, [...before, { ...candidate, daysAgo: 0 }]);
      const members = scope === 'department' ? await membersOf(trx, candidate, day) : [];
      raised += await tell(trx, { scope, id, limit: candidate, count, max, members }, day);
    }
    return raised;
  });
}

/** The day's counts are found by the day, and each meets its limit. */
async function candidatesOf(db: Kysely<unknown>, day: JudgedDay): Promise<readonly Candidate[]> {
  const { rows } = await sql<Candidate>`
    WITH counted AS (
      SELECT 'person' AS scope, w.user_id AS id, w.measure AS figure, sum(${countOfBucket})::bigint AS count
      FROM monitor.windows AS w
      WHERE w."window" = 'day' AND w.bucket_start >= ${day.from} AND w.bucket_start < ${day.to} GROUP BY 2, 3
      UNION ALL
      SELECT scope, id, 'records.unfamiliar', unfamiliar FROM monitor.sighting_days WHERE day = ${day.date}::date
      UNION ALL
      SELECT scope, id, 'records.shown', familiar::bigint + unfamiliar FROM monitor.sighting_days
      WHERE day = ${day.date}::date AND scope = 'department'
    )
    SELECT l.scope, l.id, l.figure, l.span, l.max, l.carried, l.familiar, l.usual, c.count + l.carried AS count,
      coalesce(s.familiar, 0) AS "familiarToday"
    FROM counted AS c
    JOIN monitor.day_limits AS l ON l.day = ${day.date}::date AND l.scope = c.scope AND l.id = c.id AND l.figure = c.figure
    LEFT JOIN monitor.sighting_days AS s ON s.scope = l.scope AND s.id = l.id AND s.day = l.day
    WHERE c.count > 0 AND c.count + l.carried > l.max
      AND NOT EXISTS (SELECT FROM monitor.patterns_told AS t
        WHERE t.scope = l.scope AND t.id = l.id AND t.figure = l.figure AND t.span = l.span AND t.day = l.day)
    ORDER BY l.scope, l.id, l.figure, l.span LIMIT ${AT_ONCE}`.execute(db);
  return rows;
}

async function toldOf(
  trx: Transaction<unknown>,
  candidates: readonly Candidate[],
  day: JudgedDay,
): Promise<Map<string, readonly Told[]>> {
  const { rows } = await sql<Told & { whose: string }>`
    SELECT scope || ' ' || id AS whose, figure, span, ${day.date}::date - day AS "daysAgo" FROM monitor.patterns_told
    WHERE id = ANY (${candidates.map(({ id }) => id)}::uuid[]) AND day > ${day.date}::date - ${SUM_DAYS}::integer`.execute(trx);
  return Map.groupBy(rows, ({ whose }) => whose);
}

/** Who of a department's people was shown how much of it, the most first. */
async function membersOf(
  trx: Transaction<unknown>,
  { id, figure, span }: Candidate,
  day: JudgedDay,
): Promise<Unusual['members']> {
  const days = span === 'day' ? 0 : SUM_DAYS - 1;
  const { rows } = await sql<{ userId: string; count: number }>`
    SELECT p.user_id AS "userId", sum(CASE WHEN ${figure} = 'records.shown' THEN s.familiar + s.unfamiliar ELSE s.unfamiliar END)::integer AS count
    FROM read.principals AS p
    JOIN monitor.sighting_days AS s ON s.scope = 'person' AND s.id = p.user_id
      AND s.day >= ${day.date}::date - ${days}::integer AND s.day <= ${day.date}::date
    WHERE p.department_id = ${id} GROUP BY 1 ORDER BY 2 DESC, 1`.execute(trx);
  return rows.filter(({ count }) => count > 0);
}

async function tell(trx: Transaction<unknown>, unusual: Unusual, day: JudgedDay): Promise<number> {
  const { scope, id, limit } = unusual;
  const { rows } = await sql<{ now: Date }>`
    INSERT INTO monitor.patterns_told (scope, id, figure, span, day)
    VALUES (${scope}, ${id}, ${limit.figure}, ${limit.span}, ${day.date}::date)
    ON CONFLICT DO NOTHING RETURNING clock_timestamp() AS now`.execute(trx);
  const [row] = rows;
  return row === undefined ? 0 : (await raiseAlarms(trx, [patternAlarm(unusual, day, row.now)])).length;
}
