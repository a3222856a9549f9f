import { randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import fc from 'fast-check';
import { WATCH_PARTITIONS, type AlarmsReply, type WatchEvent } from '#contracts';
import { Secret } from '#kernel';
import { createPool, kyselyOf } from '#platform';
import { contactLimit, GateDatabase } from '../gate/gate-database.fixture.js';
import { queryAlarms } from '../queries/alarms.query.js';
import { queryExposure } from '../queries/exposure.query.js';
import { FenceLost, loadCheckpoint, moveCheckpoint } from './checkpoints.js';
import { fillInFromLog } from './fill-in.js';
import { foldEvents } from './fold-events.js';
import { checkAgainstLog } from './self-check.js';

let gate: GateDatabase;
let db: Kysely<unknown>;
/** What no service may do. */
let tampering: Kysely<unknown>;

beforeAll(async () => {
  gate = await GateDatabase.open();
  const url = new Secret(gate.database.monitorUrl);
  db = kyselyOf(createPool({ connectionString: url, max: 4, applicationName: 'fold-spec' }));
  const superuserUrl = new Secret(gate.database.superuserUrl);
  tampering = kyselyOf(createPool({ connectionString: superuserUrl, max: 1, applicationName: 'fold-spec' }));
});
afterAll(async () => {
  await Promise.all([db.destroy(), tampering.destroy()]);
  await gate.close();
});
const ALL = Array.from({ length: WATCH_PARTITIONS }, (_, partition) => partition);

beforeEach(() => gate.settings({ limits: [] }));

const foldIds = (ids: readonly string[]) => db.transaction().execute((trx) => foldEvents(trx, ids));
const fold = async (events: readonly WatchEvent[]): Promise<number> => (await foldIds(events.map(({ id }) => id))).folded;
const rowsOf = async (query: ReturnType<typeof sql>): Promise<unknown[]> => [...(await query.execute(db)).rows];
const alarmsOf = async (userId: string): Promise<AlarmsReply['items']> =>
  (await queryAlarms(db, { limit: 200, beforeId: null, afterId: null })).items.filter((alarm) => alarm.userId === userId);

const windows = (userId: string): Promise<unknown[]> =>
  rowsOf(
    sql`SELECT measure, "window", bucket_start, opens, distinct_subjects FROM monitor.windows WHERE user_id = ${userId} ORDER BY 1, 2, 3`,
  );

/** What the windows have to be, counted plainly over the disclosure log. */
const recount = (userId: string): Promise<unknown[]> =>
  rowsOf(sql`
    SELECT m.measure, w."window", watch.window_start(w."window", 'calendar', 'Europe/Moscow', d.at) AS bucket_start,
      sum(d.amount / greatest(1, cardinality(d.subject_ids)))::bigint AS opens, count(DISTINCT s.id)::bigint AS distinct_subjects
    FROM watch.disclosures AS d CROSS JOIN (VALUES ('hour'), ('day')) AS w("window")
    CROSS JOIN LATERAL unnest(d.subject_ids) AS s(id)
    CROSS JOIN LATERAL (SELECT d.measure UNION ALL SELECT 'card.opened' WHERE d.measure LIKE '%.opened') AS m(measure)
    WHERE d.user_id = ${userId} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`);

async function lookAround(viewer: string): Promise<WatchEvent[]> {
  const cards = Array.from({ length: 3 }, () => randomUUID());
  for (const card of [...cards, ...cards]) await gate.admit({ viewer, subjects: [card] });
  await gate.admit({ viewer, measure: 'deal.opened', subjects: [randomUUID()] });
  await gate.admit({ viewer, measure: 'list.rows', kind: 'row', subjects: [...cards, randomUUID()] });
  await gate.superuser.query(
    "UPDATE watch.disclosures SET at = at - interval '25 hours' WHERE user_id = $1 AND measure = 'deal.opened'",
    [viewer],
  );
  return gate.events(viewer);
}

describe('windows and ledger', () => {
  it('equal a plain recount of the log, however the events are cut, shuffled and repeated', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(7), { minLength: 1, maxLength: 8 }), { maxLength: 8 }), async (batches) => {
        const viewer = await gate.person();
        const events = await lookAround(viewer);
        for (const batch of batches) await fold(batch.map((index) => events[index] as WatchEvent));
        await fold(events);
        expect(await windows(viewer)).toEqual(await recount(viewer));
        const { items } = await queryExposure(db, {
          userId: viewer,
          subjectId: null,
          from: null,
          to: null,
          limit: 200,
          cursor: null,
          counted: false,
        });
        expect(items).toHaveLength(11);
      }),
      { numRuns: 10 },
    );
  });

  it('are filled in from the log when no event ever came, once', async () => {
    const viewer = await gate.person();
    await lookAround(viewer);
    await gate.superuser.query(
      "UPDATE watch.disclosures SET id = overlay(id::text placing '01900000-0000' from 1 for 13)::uuid WHERE user_id = $1",
      [viewer],
    );
    await fillInFromLog(db, ALL);
    expect(await windows(viewer)).toEqual(await recount(viewer));
    expect(await fillInFromLog(db, ALL)).toBe(0);
  });

  it('pages of the ledger meet without gap or repeat', async () => {
    const viewer = await gate.person();
    await fold(await lookAround(viewer));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await queryExposure(db, {
        userId: viewer,
        subjectId: null,
        from: null,
        to: null,
        limit: 3,
        cursor,
        counted: true,
      });
      expect(page.distinctSubjects).toBe(5);
      seen.push(...page.items.map((row) => `${row.at} ${row.kind} ${row.subjectId}`));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toHaveLength(11);
    expect(new Set(seen).size).toBe(11);
  });

  it('who saw a record', async () => {
    const viewer = await gate.person();
    const [first] = await lookAround(viewer);
    await fold(await gate.events(viewer));
    const subjectId = first?.subjectIds[0] ?? '';
    const { items } = await queryExposure(db, {
      userId: null,
      subjectId,
      from: null,
      to: null,
      limit: 50,
      cursor: null,
      counted: true,
    });
    expect(items.map((row) => [row.userId, row.kind])).toEqual([
      [viewer, 'row'],
      [viewer, 'card'],
      [viewer, 'card'],
    ]);
  });
});

describe('the self-check', () => {
  const longAgo = new Date(Date.now() - 3 * 3_600_000);
  const longerAgo = new Date(longAgo.getTime() - 50 * 3_600_000);
  const check = async () => {
    await sql`UPDATE monitor.self_checks SET checked_until = ${longAgo} WHERE name LIKE 'windows:%'`.execute(db);
    await sql`UPDATE monitor.self_checks SET checked_until = ${longerAgo} WHERE name LIKE 'days:%'`.execute(db);
    return checkAgainstLog(db, ALL);
  };
  const differencesOf = async (viewer: string) =>
    (await check()).filter(({ userId }) => userId === viewer).map((difference) => difference.what);
  /** Two hours old, so that its hour is over; thirty, so that its day is. */
  async function shownEarlier(hours = 2, timeZone = 'Europe/Moscow'): Promise<string> {
    const sum = { ...contactLimit(50), measure: 'card.opened' } as const;
    await gate.settings({ limits: [contactLimit(50), sum] }, timeZone);
    const viewer = await gate.person();
    for (let opening = 0; opening < 3; opening += 1) await gate.admit({ viewer });
    const earlier = sql`make_interval(hours => ${hours})`;
    await sql`UPDATE watch.disclosures SET at = at - ${earlier}, hour_eve = hour_eve - ${earlier}, cards_hour_eve = cards_hour_eve - ${earlier}
      WHERE user_id = ${viewer}`.execute(tampering);
    await fold(await gate.events(viewer));
    return viewer;
  }

  const whose = sql`WHERE user_id = `;
  it.each([
    ['windows', 'an hour', sql`UPDATE monitor.windows SET opens = opens + 1 WHERE measure = 'contact.opened' AND user_id = `],
    ['ledger', 'rows', sql`DELETE FROM monitor.exposure ${whose}`],
    ['ledger', 'whose data it was', sql`UPDATE monitor.exposure SET subject_id = gen_random_uuid() ${whose}`],
    ['ledger', 'what was shown', sql`UPDATE monitor.exposure SET masked = NOT masked ${whose}`],
    [
      'ledger',
      'what was never shown',
      sql`INSERT INTO monitor.exposure (at, disclosure_id, subject_id, subject_type, user_id, measure, kind, masked)
        SELECT DISTINCT at, gen_random_uuid(), gen_random_uuid(), 'contact', user_id, measure, kind, masked FROM monitor.exposure ${whose}`,
    ],
    ['tallies', 'of a measure', sql`UPDATE watch.disclosures SET hour_count = hour_count + 1 ${whose}`],
    ['tallies', 'of all cards', sql`UPDATE watch.disclosures SET cards_hour_count = cards_hour_count + 1 ${whose}`],
  ] as const)('finds %s that are not what the log says (%s), and alarms once', async (what, _, tamper) => {
    await checkAgainstLog(db, ALL);
    const viewer = await shownEarlier();
    const mine = () => differencesOf(viewer);
    expect(await mine()).toEqual([]);
    await sql`${tamper}${viewer}`.execute(tampering);
    expect(await mine()).toEqual([what]);
    expect(await mine()).toEqual([what]);
    expect(await alarmsOf(viewer)).toMatchObject([{ type: 'records.differ', severity: 'critical' }]);
  });

  it('finds a day that is not what the log says, though its hours are', async () => {
    await checkAgainstLog(db, ALL);
    const viewer = await shownEarlier(30);
    expect(await differencesOf(viewer)).toEqual([]);
    await sql`UPDATE monitor.windows SET distinct_subjects = distinct_subjects + 1 WHERE "window" = 'day' AND user_id = ${viewer}`.execute(
      db,
    );
    expect(await differencesOf(viewer)).toEqual(['windows']);
  });

  it('leaves hours out that were counted in another time zone, also when the first one is back', async () => {
    await gate.settings({ limits: [] });
    await checkAgainstLog(db, ALL);
    const viewer = await shownEarlier(2, 'Asia/Kolkata');
    await checkAgainstLog(db, ALL);
    await gate.settings({ limits: [] });
    await sql`UPDATE monitor.self_checks SET checked_until = ${longAgo} WHERE name LIKE 'windows:Europe/Moscow:%'`.execute(db);
    const told = [...(await checkAgainstLog(db, ALL)), ...(await checkAgainstLog(db, ALL))];
    expect(told.filter(({ userId }) => userId === viewer)).toEqual([]);
  });

  const checkedOf = async (zone: string) =>
    (
      await sql<{
        until: Date;
      }>`SELECT max(checked_until) AS until FROM monitor.self_checks WHERE name LIKE ${`windows:${zone}:%`}`.execute(db)
    ).rows[0]?.until.getTime() ?? 0;

  it('after a long absence goes through the hours day by day', async () => {
    await checkAgainstLog(db, ALL);
    const since = new Date(Date.now() - 10 * 86_400_000);
    await sql`UPDATE monitor.self_checks SET checked_until = ${since} WHERE name LIKE 'windows:%'`.execute(db);
    const checked: number[] = [];
    for (let run = 0; run < 12; run += 1) {
      await checkAgainstLog(db, ALL);
      checked.push(Math.round(((await checkedOf('Europe/Moscow')) - since.getTime()) / 86_400_000));
    }
    expect(checked).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]);
  });

  it('leaves the hour out in which the time zone was changed, and goes on behind it', async () => {
    await gate.settings({ limits: [] }, 'Asia/Tokyo');
    await checkAgainstLog(db, ALL);
    const first = await checkedOf('Asia/Tokyo');
    expect(first).toBeGreaterThan(Date.now());
    await checkAgainstLog(db, ALL);
    expect(await checkedOf('Asia/Tokyo')).toBe(first);
  });
});

describe('alarms', () => {
  it('near a limit once, however often the events come', async () => {
    await gate.settings({ limits: [contactLimit(5, { action: 'alert' })] });
    const viewer = await gate.person();
    for (let opening = 0; opening < 7; opening += 1) await gate.admit({ viewer });
    const events = await gate.events(viewer);
    await fold(events);
    await fold(events);
    const told = (await alarmsOf(viewer)).map((alarm) => [alarm.type, alarm.limit, alarm.count]);
    expect(told).toEqual([
      ['limit.exceeded', 5, 6],
      ['limit.approached', 5, 4],
    ]);
  });

  it('of the last administrator, who is not held', async () => {
    await gate.settings({ exemptAdmins: false, limits: [contactLimit(0)] });
    const viewer = await gate.person({ isAdmin: true });
    expect(await gate.admit({ viewer })).toMatchObject({ decision: 'refused', action: 'deactivate' });
    await fold(await gate.events(viewer));
    expect(await alarmsOf(viewer)).toMatchObject([{ type: 'limit.exceeded', severity: 'critical' }]);
    await gate.core.query('DELETE FROM read.principals WHERE is_admin');
  });

  it('of many deletions: with the twentieth, and not with the next', async () => {
    const viewer = await gate.person();
    for (let deletion = 0; deletion < 22; deletion += 1)
      await gate.admit({ viewer, measure: 'record.deleted', kind: 'deletion' });
    const events = await gate.events(viewer);
    await fold(events.slice(0, 19));
    expect(await alarmsOf(viewer)).toEqual([]);
    await fold(events);
    expect(await alarmsOf(viewer)).toMatchObject([{ type: 'mass.deletion', limit: 20 }]);
  });

  it('of many deletions also when one in the middle comes late, and once however late the others come', async () => {
    const viewer = await gate.person();
    for (let deletion = 0; deletion < 22; deletion += 1)
      await gate.admit({ viewer, measure: 'record.deleted', kind: 'deletion' });
    const events = await gate.events(viewer);
    await fold([...events.slice(0, 9), ...events.slice(12)]);
    expect(await alarmsOf(viewer)).toEqual([]);
    for (const late of events.slice(9, 12)) await fold([late]);
    expect(await alarmsOf(viewer)).toMatchObject([{ type: 'mass.deletion', limit: 20, count: 20 }]);
  });
});

it('an event that the log does not have is told of, folded by nobody, and takes the place of none', async () => {
  const viewer = await gate.person();
  await gate.admit({ viewer });
  const [event] = await gate.events(viewer);
  const forged = randomUUID();
  expect(await foldIds([forged, event?.id ?? '', forged])).toEqual({ folded: 1, unknown: [forged] });
  expect(await rowsOf(sql`SELECT FROM monitor.folded WHERE event_id = ${forged}`)).toEqual([]);
});

it('a second owner of a checkpoint is fenced off, with all that it did', async () => {
  const incarnation = '2026-11-23T12:00:00Z';
  const move = (from: number | undefined, to: number) =>
    db.transaction().execute(async (trx) => {
      await sql`INSERT INTO monitor.folded VALUES (gen_random_uuid())`.execute(trx);
      const start = from === undefined ? undefined : { incarnation, sequence: from };
      await moveCheckpoint(trx, 'fence', start, { incarnation, sequence: to });
    });
  await move(undefined, 5);
  const before = await rowsOf(sql`SELECT count(*) FROM monitor.folded`);
  await expect(move(undefined, 7)).rejects.toThrow(FenceLost);
  await expect(move(4, 7)).rejects.toThrow(FenceLost);
  expect(await rowsOf(sql`SELECT count(*) FROM monitor.folded`)).toEqual(before);
  await move(5, 7);
  expect(await loadCheckpoint(db, 'fence')).toEqual({ incarnation, sequence: 7 });
});
