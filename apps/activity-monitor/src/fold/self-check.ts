import { sql, type Kysely, type Transaction } from 'kysely';
import type { LimitWindow } from '#contracts';
import { raiseAlarms } from '../alarms/alarm-store.js';
import { ledgerDifferences, tallyDifferences, windowDifferences, type Difference, type Span } from './record-differences.js';

/** So long after its end a window is compared: by then the stream or the fill-in has brought what there was. */
const SETTLED_MS = 300_000;
/** Persons named by alarms of one run. More say nothing more. */
const MOST_ALARMS = 20;
/** How the progress of hours and of days is named in `monitor.self_checks`; zone and partition follow. */
const NAMES: Readonly<Record<LimitWindow, string>> = { hour: 'windows', day: 'days' };
/** From the start of a window, into the next one: no local day is longer than 25 hours. */
const INTO_NEXT_HOURS: Readonly<Record<LimitWindow, number>> = { hour: 1, day: 36 };
/** What one run compares at most, a day of hours or three days; after a long absence the next runs go on. */
const MOST_HOURS: Readonly<Record<LimitWindow, number>> = { hour: 24, day: 84 };

/**
 * Holds the gate's tallies, the windows and the ledger of people in these partitions against the disclosure log, for the hours and days
 * that ended since the last time; raises `records.differ` for whoever has a difference and repairs nothing, since what is wrong must be
 * understood first. Windows are cut by the zone of their time: after a change of the zone only those count that begin after it was seen.
 * Returns the differences, each once. `writing` runs what is written, alone with everything else that is; a day of a large company is read
 * for seconds, which hold up nobody.
 */
export async function checkAgainstLog(
  db: Kysely<unknown>,
  partitions: readonly number[],
  writing: (write: () => Promise<void>) => Promise<void> = (write) => write(),
): Promise<readonly Difference[]> {
  if (partitions.length === 0) return [];
  const zone = await presentZone(db);
  const [hours, days] = [await endedWindows(db, partitions, zone, 'hour'), await endedWindows(db, partitions, zone, 'day')];
  const found: Difference[] = [];
  if (hours.span !== null) {
    found.push(...(await windowDifferences(db, hours.span, 'hour')));
    found.push(...(await ledgerDifferences(db, hours.span)), ...(await tallyDifferences(db, hours.span)));
  }
  if (days.span !== null) found.push(...(await windowDifferences(db, days.span, 'day')));
  const differences = [...new Map(found.map((one) => [`${one.what} ${one.userId}`, one])).values()];
  const write = async (trx: Transaction<unknown>): Promise<void> => {
    await note(trx, partitions, zone, { hour: hours.checkedUntil, day: days.checkedUntil });
    await raiseAlarms(
      trx,
      differences.slice(0, MOST_ALARMS).map(({ what, userId }) => ({
        key: `records.differ|${what}|${userId}|${hours.until.toISOString()}`,
        alarm: {
          ...{ type: 'records.differ', severity: 'critical', at: hours.until.toISOString(), userId },
          message: `The ${what} of one person are not what the disclosure log says of the hours before; nothing was changed.`,
        },
      })),
    );
  };
  await writing(() => db.transaction().execute(write));
  return differences;
}

async function presentZone(db: Kysely<unknown>): Promise<string> {
  const { rows } = await sql<{ zone: string }>`
    SELECT coalesce((SELECT settings->>'timeZone' FROM read.security), 'UTC') AS zone`.execute(db);
  return rows[0]?.zone ?? 'UTC';
}

interface EndedWindows {
  /** Null when none ended since the last time. */
  readonly span: Span | null;
  readonly until: Date;
  /** How far is compared with this run. */
  readonly checkedUntil: Date;
}

/** By the database's clock. Of partitions of which one was compared less far than another, all are compared from there. */
async function endedWindows(
  db: Kysely<unknown>,
  partitions: readonly number[],
  zone: string,
  window: LimitWindow,
): Promise<EndedWindows> {
  const start = (at: ReturnType<typeof sql>) => sql`watch.window_start(${window}, 'calendar', ${zone}, ${at})`;
  const { rows } = await sql<{ since: Date | null; until: Date; next: Date }>`
    SELECT ${start(sql`c.since`)} AS since, least(${start(sql`n.now - make_interval(secs => ${SETTLED_MS / 1_000})`)},
        ${start(sql`c.since + make_interval(hours => ${MOST_HOURS[window]}::integer)`)}) AS until,
      ${start(sql`${start(sql`n.now`)} + make_interval(hours => ${INTO_NEXT_HOURS[window]}::integer)`)} AS next
    FROM (SELECT clock_timestamp() AS now) AS n CROSS JOIN (
      SELECT min(c.checked_until) AS since FROM monitor.self_checks AS c
      WHERE c.name IN (SELECT ${`${NAMES[window]}:${zone}:`} || p FROM unnest(${partitions}::integer[]) AS p)
    ) AS c`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('the clock was not read');
  const { since, until, next } = row;
  // What began before this zone was seen may be cut by another one.
  if (since === null) return { span: null, until, checkedUntil: next };
  // The clock was moved back: what lies ahead is forgotten.
  if (since > next) return { span: null, until, checkedUntil: until };
  if (since >= until) return { span: null, until, checkedUntil: since };
  return { span: { partitions, zone, since, until }, until, checkedUntil: until };
}

async function note(
  trx: Transaction<unknown>,
  partitions: readonly number[],
  zone: string,
  checkedUntil: Readonly<Record<LimitWindow, Date>>,
): Promise<void> {
  await sql`
    INSERT INTO monitor.self_checks (name, checked_until)
    SELECT n.name || ':' || ${zone} || ':' || p, n.until
    FROM (VALUES (${NAMES.hour}, ${checkedUntil.hour}::timestamptz), (${NAMES.day}, ${checkedUntil.day}::timestamptz)) AS n(name, until)
    CROSS JOIN unnest(${partitions}::integer[]) AS p ORDER BY 1
    ON CONFLICT (name) DO UPDATE SET checked_until = excluded.checked_until`.execute(trx);
  // Another zone that comes back begins anew.
  await sql`
    DELETE FROM monitor.self_checks
    WHERE split_part(name, ':', 1) = ANY (${Object.values(NAMES)}::text[]) AND split_part(name, ':', 2) <> ${zone}
      AND split_part(name, ':', 3) = ANY (${partitions.map(String)}::text[])`.execute(trx);
}
