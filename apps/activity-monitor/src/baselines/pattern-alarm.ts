import type { Alarm } from '#contracts';
import { MEASURES } from '#contracts';
import type { AlarmDraft } from '../alarms/alarm-draft.js';
import { SUM_DAYS, type Figure } from './figures.js';
import type { DayLimit } from './day-limits.rules.js';
import type { JudgedDay } from './judged-days.js';

/** Somebody's day that is far outside. */
export interface Unusual {
  readonly scope: 'person' | 'department';
  readonly id: string;
  readonly limit: DayLimit;
  /** Of a sum, with what the days before had. */
  readonly count: number;
  /** What the limit comes to with the familiar work of the day. */
  readonly max: number;
  /** Members of the department who contributed, the largest part first; empty for a person. */
  readonly members: readonly { readonly userId: string; readonly count: number }[];
}

/** The most members that an alarm names. */
const MEMBERS = 20;
const WORDS: Readonly<Partial<Record<Figure, string>>> = {
  'records.shown': 'records shown',
  'records.unfamiliar': 'records shown that the department had not been shown for 8 weeks',
};
const WHOSE = { person: 'his own', roles: 'people with his roles', everyone: 'everyone', department: 'its own' } as const;

/** The alarm about it, once for each person or department, figure, span and day. */
export function patternAlarm(unusual: Unusual, day: JudgedDay, at: Date): AlarmDraft {
  const { scope, id, limit, count, members } = unusual;
  const { figure, span, usual } = limit;
  const max = Math.floor(unusual.max);
  const measure = MEASURES.find((one) => one === figure);
  const alarm: Omit<Alarm, 'id'> = {
    type: 'pattern.unusual',
    severity: 'warning',
    at: at.toISOString(),
    userId: scope === 'person' ? id : null,
    ...(scope === 'department' ? { departmentId: id, members: members.slice(0, MEMBERS) } : {}),
    ...(measure === undefined ? {} : { measure }),
    ...(span === 'day' ? { window: 'day' as const } : {}),
    limit: max,
    count,
    pattern: {
      figure,
      days: span === 'day' ? 1 : SUM_DAYS,
      median: usual.median,
      deviation: usual.deviation,
      of: usual.of,
      ofDays: usual.days,
    },
    ...(scope === 'person' ? { exposure: exposureOf(id, day, span) } : {}),
    message: messageOf(unusual, max),
  };
  return { key: `pattern.unusual|${scope}|${id}|${figure}|${span}|${day.date}`, alarm };
}

function messageOf({ scope, limit, count, members }: Unusual, max: number): string {
  const { figure, span, usual } = limit;
  const whom = scope === 'person' ? 'One person' : `A department (${members.length} members)`;
  const when = span === 'day' ? 'today' : `in ${SUM_DAYS} days`;
  const basis = `${usual.days} working days of ${WHOSE[usual.of]}`;
  return `${whom}: ${count} ${when} (${WORDS[figure] ?? figure}), more than ${max}. Usual is ${usual.median} a day, give or take ${usual.deviation} (${basis}).`;
}

function exposureOf(userId: string, day: JudgedDay, span: DayLimit['span']): string {
  const before = span === 'day' ? 0 : (SUM_DAYS - 1) * 86_400_000;
  return `/v1/exposure?userId=${userId}&from=${new Date(day.from.getTime() - before).toISOString()}&to=${day.to.toISOString()}`;
}
