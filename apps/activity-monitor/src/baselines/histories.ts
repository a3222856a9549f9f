import { sql, type Kysely } from 'kysely';
import type { Placed } from './company-days.rules.js';
import { HISTORY_DAYS, type Counted, type PastDay } from './figures.js';
import type { JudgedDay } from './judged-days.js';

/** Whose days are judged: an active person, with the roles given to him and those of his departments. */
export interface Judged extends Placed {
  readonly id: string;
}

/** Everybody who may be judged, in the order of ids. */
export async function activePeople(db: Kysely<unknown>): Promise<readonly Judged[]> {
  const { rows } = await sql<Judged>`
    SELECT p.user_id AS id, p.role_ids || read.roles_of_department(p.department_id) AS "roleIds", p.department_id AS "departmentId"
    FROM read.principals AS p WHERE p.status = 'active' ORDER BY p.user_id`.execute(db);
  return rows;
}

/** The ids of departments that were shown anything on a day that is kept. */
export async function departmentsWithDays(db: Kysely<unknown>): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`SELECT DISTINCT id FROM monitor.sighting_days WHERE scope = 'department'`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

type Row = { readonly id: string; readonly daysAgo: number; readonly figure: Counted; readonly count: number };

/**
 * The working days of people before a day: the calendar buckets of the windows, and what they were shown. An opening counts each card
 * once a day, whatever the company's limits count.
 */
export async function historiesOfPeople(
  db: Kysely<unknown>,
  ids: readonly string[],
  day: JudgedDay,
): Promise<ReadonlyMap<string, readonly PastDay[]>> {
  const { rows } = await sql<Row>`
    SELECT user_id AS id, ${day.date}::date - (bucket_start AT TIME ZONE ${day.timeZone})::date AS "daysAgo", measure AS figure,
      ${countOfBucket} AS count
    FROM monitor.windows
    WHERE user_id = ANY (${ids}::uuid[]) AND "window" = 'day'
      AND bucket_start >= ${day.from}::timestamptz - ${HISTORY_DAYS + 1} * interval '24 hours' AND bucket_start < ${day.from}
    UNION ALL ${sightingDays('person', ids, day)}`.execute(db);
  return byPerson(rows);
}

/** The same of departments, which have no windows: only what their people were shown, each record once a day. */
export async function historiesOfDepartments(
  db: Kysely<unknown>,
  ids: readonly string[],
  day: JudgedDay,
): Promise<ReadonlyMap<string, readonly PastDay[]>> {
  const { rows } = await sql<Row>`${sightingDays('department', ids, day)}`.execute(db);
  return byPerson(rows);
}

/** What a calendar bucket counts. */
export const countOfBucket = sql`CASE WHEN measure LIKE '%.opened' THEN distinct_subjects ELSE opens END`;

function sightingDays(scope: 'person' | 'department', ids: readonly string[], day: JudgedDay) {
  return sql`
    SELECT s.id, ${day.date}::date - s.day AS "daysAgo", c.figure, c.count
    FROM monitor.sighting_days AS s CROSS JOIN LATERAL (VALUES
      ('records.familiar', s.familiar::bigint), ('records.unfamiliar', s.unfamiliar::bigint), ('records.shown', s.familiar::bigint + s.unfamiliar)
    ) AS c(figure, count)
    WHERE s.scope = ${scope} AND s.id = ANY (${ids}::uuid[])
      AND s.day >= ${day.date}::date - ${HISTORY_DAYS}::integer AND s.day < ${day.date}::date
      AND (s.scope = 'department' OR c.figure <> 'records.shown')`;
}

/** Buckets of one day that a change of the time zone has cut are put together. */
function byPerson(rows: readonly Row[]): ReadonlyMap<string, readonly PastDay[]> {
  const people = new Map<string, Map<number, Partial<Record<Counted, number>>>>();
  for (const { id, daysAgo, figure, count } of rows) {
    if (daysAgo < 1 || daysAgo > HISTORY_DAYS) continue;
    const days = people.get(id) ?? new Map<number, Partial<Record<Counted, number>>>();
    people.set(id, days);
    const counts = days.get(daysAgo) ?? {};
    days.set(daysAgo, counts);
    counts[figure] = (counts[figure] ?? 0) + count;
  }
  return new Map([...people].map(([id, days]) => [id, [...days].map(([daysAgo, counts]) => ({ daysAgo, counts }))]));
}
