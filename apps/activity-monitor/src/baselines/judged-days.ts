import { DateTime } from 'luxon';
import { sql, type Kysely } from 'kysely';
import { calendarWindowStart, zoneOf } from '../windows/calendar-window.js';

/** A local day of the company: every instant with that date. */
export interface JudgedDay {
  /** ISO 8601 date. */
  readonly date: string;
  readonly from: Date;
  /** The first instant of the next day. */
  readonly to: Date;
  readonly timeZone: string;
}

/** Today by the database's clock, and the day before it, of which something may still come in; the earlier first. */
export async function judgedDays(db: Kysely<unknown>): Promise<readonly [JudgedDay, JudgedDay]> {
  const { rows } = await sql<{ now: Date; timeZone: string }>`
    SELECT clock_timestamp() AS now, coalesce((SELECT settings->>'timeZone' FROM read.security), 'UTC') AS "timeZone"`.execute(
    db,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the clock was not read');
  const today = dayOf(row.now.getTime(), row.timeZone);
  return [dayOf(today.from.getTime() - 1, row.timeZone), today];
}

/** The local day that holds an instant (milliseconds since 1970). */
function dayOf(at: number, timeZone: string): JudgedDay {
  const zone = zoneOf(timeZone);
  const from = calendarWindowStart('day', zone, at);
  const local = DateTime.fromMillis(from, { zone });
  // Noon: midnight may not be there, or be there twice.
  const nextNoon = DateTime.fromObject({ year: local.year, month: local.month, day: local.day, hour: 12 }, { zone }).plus({
    days: 1,
  });
  const to = calendarWindowStart('day', zone, nextNoon.toMillis());
  return { date: local.toFormat('yyyy-MM-dd'), from: new Date(from), to: new Date(to), timeZone };
}
