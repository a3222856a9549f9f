import { DateTime } from 'luxon';
import type { WrittenMeasure } from '#contracts';
import { Chance } from './chance.fixture.js';

/** What one person did with one record, or a list or a file with its rows. */
export interface Act {
  readonly measure: WrittenMeasure;
  /** Counts what it shows; 1 but for rows. */
  readonly amount: number;
  /** The record shown; undefined for lists and for deletions and reassignments, which are no sightings. */
  readonly record: number | undefined;
  /** The planted scraper's doing. */
  readonly scraped: boolean;
}

export interface Employee {
  readonly id: string;
  readonly department: string;
  readonly roleIds: readonly string[];
  /** Records a day, when he has one like others. */
  readonly rate: number;
  /** ISO weekdays. */
  readonly weekdays: readonly number[];
  /** The first day in the company; 0 for those who were there already. */
  readonly since: number;
  /** First day and number of days away; somebody of his department does his work as well. */
  readonly away: readonly [number, number] | undefined;
  readonly replacedBy: string | undefined;
  /** His clients: from, and how many. */
  readonly clients: readonly [number, number];
  readonly doesExports: boolean;
}

/** The first day (2026-06-01, a Monday) to the end of the third quarter; the last 30 are the month that is judged. */
const FIRST_DATE = DateTime.fromISO('2026-06-01', { zone: 'utc' });
export const DAYS = 122;
export const MONTH_FROM = DAYS - 30;
/** Nearly nobody works: one in the weeks before, one in the month. */
const HOLIDAYS = [73, 105];
/** The last days of the quarter are busier, up to 1.7 times. */
const RUSH_DAYS = 10;
const CLIENTS_OF_DEPARTMENT = 4_000;
const CLIENTS_OF_ONE = 180;
const DEPARTMENTS = { 'sales-a': 12, 'sales-b': 12, 'sales-c': 12, support: 8, office: 6 } as const;
export type Department = keyof typeof DEPARTMENTS;
const NAMES = Object.keys(DEPARTMENTS) as Department[];
const SALES = NAMES.filter((name) => name.startsWith('sales'));

export function dateOf(day: number): DateTime {
  return FIRST_DATE.plus({ days: day });
}

/** Where the clients of a department begin that nobody works with: those at the end of its 4,000. */
export function sleepingClients(department: Department): readonly [number, number] {
  const first = NAMES.indexOf(department) * CLIENTS_OF_DEPARTMENT;
  return [first + 12 * CLIENTS_OF_ONE, CLIENTS_OF_DEPARTMENT - 12 * CLIENTS_OF_ONE];
}

/** 50 people: three sales departments with two seniors each, support and office; part-timers, newcomers, people away. */
export function employees(chance: Chance, present: readonly string[] = []): readonly Employee[] {
  const staff = NAMES.flatMap((department, at) =>
    Array.from({ length: DEPARTMENTS[department] }, (_, index) => employee(chance, department, at, index)),
  ).map((one) => (present.includes(one.id) ? { ...one, away: undefined, weekdays: [1, 2, 3, 4, 5] } : one));
  return staff.map((one) => {
    const colleagues = staff.filter(
      (other) => other.department === one.department && other.id !== one.id && other.away === undefined,
    );
    return one.away === undefined && one.since === 0 ? one : { ...one, replacedBy: chance.pick(colleagues)?.id };
  });
}

function employee(chance: Chance, department: Department, at: number, index: number): Employee {
  const isSales = SALES.includes(department);
  const isSenior = isSales && index < 2;
  const usual = { support: 45, office: 15 }[department as 'support' | 'office'] ?? 32;
  const role = isSales ? 'seller' : department;
  const isNew = index === 5;
  return {
    id: `${department}-${index}`,
    department,
    roleIds: isSenior ? ['seller', 'senior'] : [role],
    rate: usual * chance.logNormal(0.3),
    weekdays: chance.happens(0.12) ? chance.some([1, 2, 3, 4, 5], 3) : [1, 2, 3, 4, 5],
    since: isNew ? MONTH_FROM + chance.below(20) : 0,
    away: !isNew && chance.happens(0.3) ? [chance.below(DAYS - 5), chance.happens(0.5) ? 7 : 14] : undefined,
    replacedBy: undefined,
    clients: [at * CLIENTS_OF_DEPARTMENT + index * CLIENTS_OF_ONE, CLIENTS_OF_ONE],
    doesExports: isSenior,
  };
}

/** How busy the company is on a day. */
export function busyness(chance: Chance, day: number): number {
  const weekday = [1.1, 1.05, 1, 1, 0.85, 0.5, 0.5][dateOf(day).weekday - 1] ?? 1;
  const left = DAYS - 1 - day;
  const rush = left < RUSH_DAYS ? 1.7 - (0.7 * left) / RUSH_DAYS : 1;
  return weekday * rush * chance.logNormal(0.08);
}

export function worksOn(chance: Chance, { since, away, weekdays }: Employee, day: number): boolean {
  if (day < since || (away !== undefined && day >= away[0] && day < away[0] + away[1])) return false;
  if (HOLIDAYS.includes(day)) return chance.happens(0.05);
  const usually = weekdays.includes(dateOf(day).weekday);
  return chance.happens(usually ? 0.96 : 0.02);
}

/** Whose work a person does on a day besides his own. */
export function standsInFor(staff: readonly Employee[], person: Employee, day: number): readonly Employee[] {
  return staff.filter(
    ({ away, since, replacedBy }) =>
      replacedBy === person.id && (day < since || (away !== undefined && day >= away[0] && day < away[0] + away[1])),
  );
}

/** Some client of any department that somebody works with. */
export function anyClient(chance: Chance): number {
  return chance.below(SALES.length) * CLIENTS_OF_DEPARTMENT + chance.below(12 * CLIENTS_OF_ONE);
}
