import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { sql, type Kysely } from 'kysely';
import type { Alarm, SuggestionsReply } from '#contracts';
import { Secret } from '#kernel';
import { createPool, kyselyOf } from '#platform';
import { contactLimit, GateDatabase } from '../gate/gate-database.fixture.js';
import { queryAlarms } from '../queries/alarms.query.js';
import { takeSightings } from '../sightings/take-sightings.js';
import { peaksSince } from '../suggestions/peaks.js';
import { SuggestionsQuery } from '../suggestions/suggestions.query.js';
import { FAMILIAR_DAYS } from './figures.js';
import { judgedDays } from './judged-days.js';
import { watchPatterns } from './watch-patterns.js';

const ZONE = 'Europe/Moscow';
let gate: GateDatabase;
let db: Kysely<unknown>;

beforeAll(async () => {
  gate = await GateDatabase.open();
  const url = new Secret(gate.database.monitorUrl);
  db = kyselyOf(createPool({ connectionString: url, max: 6, applicationName: 'patterns-spec' }));
  await gate.settings({ limits: [] }, ZONE);
});
afterAll(async () => {
  await db.destroy();
  await gate.close();
});
beforeEach(() => gate.monitor.query('DELETE FROM monitor.limited_days'));

interface Seen {
  readonly userId: string;
  readonly daysAgo: number;
  readonly records: readonly string[];
  readonly measure?: string;
}

/** Disclosures at noon of local days, as the gate writes them; today's a moment ago. Written anew, so that ids are of their time. */
async function disclosed(seen: readonly Seen[]): Promise<void> {
  const [, today] = await judgedDays(db);
  for (const { userId, daysAgo, records, measure = 'contact.opened' } of seen) {
    await gate.monitor.query(
      `WITH t AS (SELECT CASE WHEN $3::integer = 0 THEN clock_timestamp() - interval '2 seconds'
           ELSE ($5::date - $3::integer + time '12:00' + random() * interval '1 hour') AT TIME ZONE $6 END AS at)
       INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked, request_id)
       SELECT uuidv7(t.at - clock_timestamp()), t.at, $1, false, 1, $4, 'card', 'contact', ARRAY[r.id], 1, true, gen_random_uuid()
       FROM t, unnest($2::uuid[]) AS r(id)`,
      [userId, records, daysAgo, measure, today.date, ZONE],
    );
  }
}

/** Day buckets as they are folded. */
async function folded(userId: string, daysAgo: number, count: number, measure = 'contact.opened'): Promise<void> {
  const [, today] = await judgedDays(db);
  for (const one of [measure, ...(measure.endsWith('.opened') ? ['card.opened'] : [])])
    await gate.monitor.query(
      `INSERT INTO monitor.windows (user_id, measure, "window", bucket_start, opens, distinct_subjects)
       VALUES ($1, $2, 'day', ($3::date - $4::integer)::timestamp AT TIME ZONE $5, $6, $6)
       ON CONFLICT (user_id, measure, "window", bucket_start) DO UPDATE SET opens = $6, distinct_subjects = $6`,
      [userId, one, today.date, daysAgo, ZONE, count],
    );
}

const ids = (count: number): string[] => Array.from({ length: count }, () => randomUUID());
const round = (): Promise<number> => watchPatterns({ db, alarming: (raise) => raise() });
const alarms = async (): Promise<readonly Alarm[]> =>
  (await queryAlarms(db, { limit: 200, beforeId: null, afterId: null })).items.filter(({ type }) => type === 'pattern.unusual');
const alarmsOf = async (userId: string): Promise<Alarm[]> => (await alarms()).filter((alarm) => alarm.userId === userId);

describe('a day far outside', () => {
  it('is told with its figures, once for all openings, whoever looks and how often', async () => {
    const person = await gate.person();
    for (let daysAgo = 1; daysAgo <= 20; daysAgo += 1) await folded(person, daysAgo, daysAgo % 2 === 0 ? 8 : 12);
    await folded(person, 0, 46);
    await round();
    expect(await alarmsOf(person)).toEqual([]);
    await folded(person, 0, 47);
    await Promise.all([round(), round(), round()]);
    await round();
    const told = await alarmsOf(person);
    expect(told.map(({ measure }) => measure).sort()).toEqual(['card.opened']);
    expect(told[0]).toMatchObject({
      severity: 'warning',
      window: 'day',
      limit: 46,
      count: 47,
      pattern: { days: 1, median: 10, deviation: 2, of: 'person', ofDays: 20 },
    });
    const { rows } = await gate.monitor.query('SELECT FROM watch.holds');
    expect(rows).toEqual([]);
  });

  it('of somebody without days of his own is told by those of his roles', async () => {
    const role = randomUUID();
    const old = await gate.person({ roleIds: [role] });
    for (let daysAgo = 1; daysAgo <= 10; daysAgo += 1) await folded(old, daysAgo, 30);
    const fresh = await gate.person({ roleIds: [role] });
    await folded(fresh, 0, 30 + 6 * 18);
    await round();
    expect(await alarmsOf(fresh)).toEqual([]);
    await folded(fresh, 0, 30 + 6 * 18 + 1);
    await round();
    expect((await alarmsOf(fresh))[0]).toMatchObject({
      limit: 138,
      count: 139,
      pattern: { of: 'roles', ofDays: 10, median: 30 },
    });
  });

  it('that came in late is told for yesterday', async () => {
    const person = await gate.person();
    for (let daysAgo = 2; daysAgo <= 20; daysAgo += 1) await folded(person, daysAgo, 10);
    await folded(person, 1, 200);
    await round();
    expect((await alarmsOf(person))[0]).toMatchObject({ count: 200, pattern: { of: 'person' } });
  });
});

describe('sightings', () => {
  /** Plainly: who was shown what on which day, and whether his circle had been shown it in the eight weeks before. */
  function recount(
    seen: readonly Seen[],
    departmentOf: ReadonlyMap<string, string | null>,
  ): Map<string, readonly [number, number]> {
    const counted = new Map<string, readonly [number, number]>();
    const circle = (userId: string): string => departmentOf.get(userId) ?? userId;
    const scopes = [...departmentOf].flatMap(([userId, department]) => [`person ${userId}`, `department ${department ?? ''}`]);
    for (const scope of new Set(scopes)) {
      for (const day of new Set(seen.map(({ daysAgo }) => daysAgo))) {
        const mine = seen.filter(
          ({ userId, daysAgo }) =>
            daysAgo === day && [`person ${userId}`, `department ${departmentOf.get(userId) ?? '-'}`].includes(scope),
        );
        const records = [...new Set(mine.flatMap((one) => one.records))];
        const familiar = records.filter((record) =>
          seen.some(
            ({ userId, daysAgo, records: shown }) =>
              shown.includes(record) &&
              circle(userId) === circle(mine[0]?.userId ?? '') &&
              daysAgo > day &&
              daysAgo <= day + FAMILIAR_DAYS,
          ),
        );
        if (records.length > 0) counted.set(`${scope} ${day}`, [familiar.length, records.length - familiar.length]);
      }
    }
    return counted;
  }

  it('are as plainly recounted, however often the log is read', async () => {
    const acts = fc.array(fc.record({ who: fc.nat(3), daysAgo: fc.constantFrom(1, 2, 3, 30, 58, 59, 60), record: fc.nat(4) }), {
      minLength: 1,
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(acts, async (drawn) => {
        const department = randomUUID();
        const people = await Promise.all(Array.from({ length: 4 }, () => gate.person()));
        await gate.core.query('UPDATE read.principals SET department_id = $1 WHERE user_id = ANY ($2)', [
          department,
          people.slice(0, 3),
        ]);
        const records = ids(5);
        const seen = drawn.map(({ who, daysAgo, record }) => ({
          ...{ userId: people[who] ?? '', daysAgo },
          records: [records[record] ?? ''],
        }));
        await disclosed(seen);
        await gate.monitor.query('UPDATE monitor.sighting_progress SET read_until = NULL, last_id = NULL');
        await Promise.all([takeSightings(db), takeSightings(db)]);
        await gate.monitor.query('UPDATE monitor.sighting_progress SET read_until = NULL, last_id = NULL');
        await takeSightings(db);
        const [, today] = await judgedDays(db);
        const { rows } = await sql<{ key: string; familiar: number; unfamiliar: number }>`
          SELECT scope || ' ' || id || ' ' || (${today.date}::date - day) AS key, familiar, unfamiliar FROM monitor.sighting_days
          WHERE id = ANY (${[...people, department]}::uuid[])`.execute(db);
        const departmentOf = new Map(people.map((id, index) => [id, index < 3 ? department : null]));
        expect(new Map(rows.map(({ key, familiar, unfamiliar }) => [key, [familiar, unfamiliar]]))).toEqual(
          recount(seen, departmentOf),
        );
      }),
      { numRuns: 15 },
    );
  });

  it('of half the log judge nobody', async () => {
    const person = await gate.person();
    for (let daysAgo = 1; daysAgo <= 20; daysAgo += 1) await folded(person, daysAgo, 10);
    await folded(person, 0, 100);
    await gate.monitor.query("UPDATE monitor.sighting_progress SET last_id = '00000000-0000-7000-8000-000000000000'");
    const blocked = await gate.monitor.connect();
    await blocked.query('BEGIN');
    await blocked.query('SELECT FROM monitor.sighting_progress FOR UPDATE');
    await round();
    expect(await alarmsOf(person)).toEqual([]);
    await blocked.query('COMMIT');
    blocked.release();
    await round();
    expect(await alarmsOf(person)).not.toEqual([]);
  });

  it('of colluding colleagues, each under every limit, are told of their department with who took how much', async () => {
    const department = randomUUID();
    const people = await Promise.all(Array.from({ length: 4 }, () => gate.person()));
    await gate.core.query('UPDATE read.principals SET department_id = $1 WHERE user_id = ANY ($2)', [department, people]);
    const known = ids(40);
    for (let daysAgo = 70; daysAgo >= 1; daysAgo -= 1)
      await disclosed(people.map((userId, index) => ({ userId, daysAgo, records: known.slice(10 * index, 10 * index + 10) })));
    for (const userId of people) await disclosed([{ userId, daysAgo: 0, records: ids(18) }]);
    await gate.monitor.query('UPDATE monitor.sighting_progress SET read_until = NULL, last_id = NULL');
    await round();
    for (const userId of people) expect(await alarmsOf(userId)).toEqual([]);
    const told = (await alarms()).filter((alarm) => alarm.departmentId === department);
    expect(told.map(({ pattern, count }) => [pattern?.figure, pattern?.days, count])).toContainEqual([
      'records.unfamiliar',
      1,
      expect.any(Number),
    ]);
    const [ofDay] = told.filter(({ pattern }) => pattern?.figure === 'records.unfamiliar' && pattern.days === 1);
    expect(ofDay?.userId).toBeNull();
    expect(ofDay?.members).toHaveLength(4);
    expect(new Set(ofDay?.members?.map(({ userId }) => userId))).toEqual(new Set(people));
  });
});

describe('suggestions', () => {
  it('are above the most of any rolling window, as plainly counted', async () => {
    const opened = fc.array(fc.record({ minute: fc.nat(300), card: fc.nat(5) }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(opened, fc.boolean(), async (openings, distinct) => {
        const person = await gate.person();
        const cards = ids(6);
        const since = new Date(Date.now() - 86_400_000);
        const at = (minute: number): Date => new Date(since.getTime() + (minute + 1) * 60_000);
        for (const { minute, card } of openings)
          await gate.monitor.query(
            `INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked, request_id)
             VALUES (uuidv7($2::timestamptz - clock_timestamp()), $2, $1, false, 1, 'contact.opened', 'card', 'contact', ARRAY[$3::uuid], 1, true, gen_random_uuid())`,
            [person, at(minute), cards[card]],
          );
        const peaks = await peaksSince(db, [person], since, { windowing: 'rolling', counting: distinct ? 'distinct' : 'opens' });
        const inHour = openings.map(({ minute }) => {
          const inside = openings.filter((other) => other.minute > minute - 60 && other.minute <= minute);
          return distinct ? new Set(inside.map(({ card }) => card)).size : inside.length;
        });
        const found = peaks.filter(({ userId, window }) => userId === person && window === 'hour');
        expect(found.map(({ measure, max }) => [measure, max]).sort()).toEqual([
          ['card.opened', Math.max(...inHour)],
          ['contact.opened', Math.max(...inHour)],
        ]);
      }),
      { numRuns: 15 },
    );
  });

  it('put into the settings as they are, cut off nobody who does as before, and somebody who does more', async () => {
    const person = await gate.person();
    for (let opening = 0; opening < 8; opening += 1) await gate.admit({ viewer: person, measure: 'deal.opened' });
    const answer: SuggestionsReply = await new SuggestionsQuery(db).ask();
    const limits = answer.items.map(({ limit }) => limit);
    const mine = answer.items.find(({ limit }) => limit.measure === 'deal.opened' && limit.window === 'hour');
    expect(mine).toMatchObject({
      limit: { max: 13, action: 'deactivate', scope: { everyone: true } },
      seen: { max: 8, people: 1 },
    });
    await gate.settings({ limits }, ZONE);
    const again = await gate.person();
    for (let opening = 0; opening < 13; opening += 1)
      expect(await gate.admit({ viewer: again, measure: 'deal.opened' })).toMatchObject({ decision: 'admitted' });
    expect(await gate.admit({ viewer: again, measure: 'deal.opened' })).toMatchObject({ decision: 'refused', max: 13 });
    await gate.settings({ limits: [contactLimit(1_000)], windowing: 'calendar' }, ZONE);
    await folded(person, 0, 40, 'phone.revealed');
    const calendar = await new SuggestionsQuery(db).ask();
    const ofDay = calendar.items.find(({ limit }) => limit.measure === 'phone.revealed' && limit.window === 'day');
    expect([calendar.windowing, ofDay?.limit.max]).toEqual(['calendar', 50]);
  });
});
