import { sql, type Kysely, type Transaction } from 'kysely';
import { CompanyDays } from './company-days.rules.js';
import { departmentLimits, personLimits, type DayLimit } from './day-limits.rules.js';
import { activePeople, departmentsWithDays, historiesOfDepartments, historiesOfPeople, type Judged } from './histories.js';
import type { JudgedDay } from './judged-days.js';

/** People read and written at a time: other work gets its turn in between. */
const CHUNK = 100;

/**
 * Works out what is usual on a day, for all active people and departments, unless it stands there for as many people. Returns
 * whether it did.
 */
export async function limitDay(db: Kysely<unknown>, day: JudgedDay): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM monitor.limited_days WHERE day = ${day.date}::date
      AND people = (SELECT count(*) FROM read.principals WHERE status = 'active')`.execute(db);
  if (rows.length > 0) return false;
  const people = await activePeople(db);
  const company = new CompanyDays();
  for (const chunk of chunksOf(people)) {
    const histories = await historiesOfPeople(db, idsOf(chunk), day);
    for (const one of chunk) company.add(one, histories.get(one.id) ?? []);
  }
  // A second reading is cheaper than keeping the days of everybody in memory.
  for (const chunk of chunksOf(people)) {
    const histories = await historiesOfPeople(db, idsOf(chunk), day);
    const limits = chunk.map(({ id, roleIds }) => [id, personLimits(histories.get(id) ?? [], roleIds, company)] as const);
    await db.transaction().execute((trx) => store(trx, day, 'person', limits));
  }
  const departments = await departmentsWithDays(db);
  const histories = await historiesOfDepartments(db, departments, day);
  const limits = departments.map((id) => [id, departmentLimits(histories.get(id) ?? [], id, company)] as const);
  await db.transaction().execute(async (trx) => {
    await store(trx, day, 'department', limits);
    await sql`INSERT INTO monitor.limited_days (day, people) VALUES (${day.date}::date, ${people.length})
      ON CONFLICT (day) DO UPDATE SET people = excluded.people`.execute(trx);
  });
  return true;
}

/** Forgets the days that are judged no more. */
export async function forgetOldLimits(db: Kysely<unknown>, oldest: JudgedDay): Promise<void> {
  await sql`DELETE FROM monitor.day_limits WHERE day < ${oldest.date}::date`.execute(db);
  await sql`DELETE FROM monitor.limited_days WHERE day < ${oldest.date}::date`.execute(db);
}

async function store(
  trx: Transaction<unknown>,
  day: JudgedDay,
  scope: 'person' | 'department',
  limits: readonly (readonly [string, readonly DayLimit[]])[],
): Promise<void> {
  const rows = limits.flatMap(([id, ofOne]) => ofOne.map((limit) => ({ id, ...limit })));
  await sql`DELETE FROM monitor.day_limits WHERE day = ${day.date}::date AND scope = ${scope}
    AND id = ANY (${limits.map(([id]) => id)}::uuid[])`.execute(trx);
  await sql`
    INSERT INTO monitor.day_limits (day, scope, id, figure, span, max, carried, familiar, usual)
    SELECT ${day.date}::date, ${scope}, r.id, r.figure, r.span, r.max, r.carried, nullif(r.familiar, 'null'::jsonb), r.usual
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS r(id uuid, figure text, span text, max double precision, carried integer, familiar jsonb, usual jsonb)
    ON CONFLICT DO NOTHING`.execute(trx);
}

function* chunksOf(people: readonly Judged[]): Generator<readonly Judged[]> {
  for (let from = 0; from < people.length; from += CHUNK) yield people.slice(from, from + CHUNK);
}

function idsOf(people: readonly Judged[]): readonly string[] {
  return people.map(({ id }) => id);
}
