import { MEASURES } from '#contracts';
import { LEAST_DAYS, type CompanyDays } from './company-days.rules.js';
import { BASELINE_DAYS, countsOf, SUM_DAYS, sumOf, type Counted, type Figure, type PastDay, type Span } from './figures.js';
import { tallyOf, usualMax, usualOf, type Outside, type Usual } from './usual.rules.js';

/** With fewer working days somebody is still settling in: the larger limit holds, of his own days or of his roles'. */
const SETTLED_DAYS = 14;

/**
 * How far outside is far (docs/monitoring.md, "When it is unusual": 6 deviations, at least 20). The shares, and the deviations of sums, are tuned
 * on generated months; docs/monitoring.md has what each brings.
 */
const OUTSIDE = {
  measure: { deviations: 6, least: 20, share: 0.6 },
  unfamiliarDay: { deviations: 6, least: 20, share: 0.5 },
  unfamiliarSum: { deviations: 7.5, least: 20, share: 0.3 },
  /** Of a department of twelve people or more; smaller ones scatter more. */
  department: { deviations: 6, least: 20, share: 0.15 },
} as const satisfies Record<string, Outside>;
const DEPARTMENT_PEOPLE = 12;

/** The usual that somebody is judged by, and whose it is. */
export interface JudgedBy extends Usual {
  readonly of: 'person' | 'roles' | 'everyone' | 'department';
}

/** How much of a figure somebody may have on a day before it is unusual. */
export interface DayLimit {
  readonly figure: Figure;
  readonly span: Span;
  /** Unusual is what is more than this; of a sum, with what the days before the judged one had. */
  readonly max: number;
  /** What the days before had, for a sum. */
  readonly carried: number;
  /** How much familiar work is usual in the span, and what of it the days before had; for the unfamiliar only. */
  readonly familiar: { readonly usual: number; readonly carried: number } | null;
  readonly usual: JudgedBy;
}

/**
 * The limits of a person for a day. With 14 working days of his own he is judged by these; with 7 by these or his roles', whichever is
 * larger; with fewer by his roles' (of several the largest, as with limits of roles), else by everyone's. Nobody has enough days: no
 * limit, and nothing is unusual.
 */
export function personLimits(history: readonly PastDay[], roleIds: readonly string[], company: CompanyDays): readonly DayLimit[] {
  const judging: Judging = {
    history,
    basesFor: (days) => {
      const own: Basis = (figure) => ({ ...usualOf(tallyOf(countsOf(days, figure))), of: 'person' });
      if (days.length >= SETTLED_DAYS) return [own];
      const others = company.poolsFor(roleIds).map(({ pool, of }): Basis => (figure) => ({ ...pool.usual(figure), of }));
      return days.length < LEAST_DAYS ? others : [own, ...others];
    },
  };
  const ofMeasures = MEASURES.flatMap((measure) =>
    ofDay(measure, judging, { ...OUTSIDE.measure, pulse: company.pulse(measure) }),
  );
  return [...ofMeasures, ...ofUnfamiliar(judging, OUTSIDE.unfamiliarDay, OUTSIDE.unfamiliarSum)];
}

/** The limits of a department for a day: by at least 7 working days of its own, or none. `id`: which it is. */
export function departmentLimits(history: readonly PastDay[], id: string, company: CompanyDays): readonly DayLimit[] {
  const outside = outsideOfDepartment(company.peopleOf(id));
  const judging: Judging = {
    history,
    basesFor: (days) =>
      days.length < LEAST_DAYS ? [] : [(figure) => ({ ...usualOf(tallyOf(countsOf(days, figure))), of: 'department' })],
  };
  const shown = ofDay('records.shown', judging, { ...outside, pulse: company.pulse('card.opened') });
  return [...shown, ...ofUnfamiliar(judging, outside, outside)];
}

/** Days of people that do not hang together scatter in their sum with one over the root of their number. */
function outsideOfDepartment(people: number): Outside {
  const { share, ...others } = OUTSIDE.department;
  return { ...others, share: share * Math.sqrt(DEPARTMENT_PEOPLE / Math.min(DEPARTMENT_PEOPLE, Math.max(1, people))) };
}

/**
 * The limit on a day that has so much familiar work: who works twice as much as usual with clients he knows (he stands in for
 * somebody, the quarter ends) may meet twice as many that he does not know.
 */
export function maxWith(limit: DayLimit, familiar: number): number {
  if (limit.familiar === null || limit.familiar.usual === 0) return limit.max;
  return limit.max * Math.max(1, (limit.familiar.carried + familiar) / limit.familiar.usual);
}

/** The usual of a figure, by somebody's days. */
type Basis = (figure: Counted) => JudgedBy;

interface Judging {
  readonly history: readonly PastDay[];
  /** Whose days he is judged by, with these of his own. */
  readonly basesFor: (days: readonly PastDay[]) => readonly Basis[];
}

function ofDay(
  figure: Figure,
  { history, basesFor }: Judging,
  outside: Outside & { readonly pulse: number },
): readonly DayLimit[] {
  const limits = basesFor(between(history, 1, BASELINE_DAYS)).map((basis): DayLimit => {
    const usual = basis(figure);
    return { figure, span: 'day', max: usualMax(usual, { ...outside, days: 1 }), carried: 0, familiar: null, usual };
  });
  return largestOf(limits);
}

function ofUnfamiliar(judging: Judging, ofOneDay: Outside, ofSum: Outside): readonly DayLimit[] {
  const figure = 'records.unfamiliar';
  const oneDay = judging.basesFor(between(judging.history, 1, BASELINE_DAYS)).map((basis): DayLimit => {
    const familiar = { usual: basis('records.familiar').median, carried: 0 };
    const usual = basis(figure);
    return { figure, span: 'day', max: usualMax(usual, { ...ofOneDay, pulse: 1, days: 1 }), carried: 0, familiar, usual };
  });
  const before = between(judging.history, 1, SUM_DAYS - 1);
  // The judged day is one of work too, or there is nothing to judge.
  const days = before.length + 1;
  const sums = judging.basesFor(between(judging.history, SUM_DAYS, SUM_DAYS + BASELINE_DAYS - 1)).map((basis): DayLimit => {
    const usual = basis(figure);
    const max = usualMax(usual, { ...ofSum, pulse: 1, days });
    const familiar = { usual: days * basis('records.familiar').median, carried: sumOf(countsOf(before, 'records.familiar')) };
    return { figure, span: 'fortnight', max, carried: sumOf(countsOf(before, figure)), familiar, usual };
  });
  return [...largestOf(oneDay), ...largestOf(sums)];
}

function between(history: readonly PastDay[], from: number, to: number): readonly PastDay[] {
  return history.filter(({ daysAgo }) => daysAgo >= from && daysAgo <= to);
}

function largestOf(limits: readonly DayLimit[]): readonly DayLimit[] {
  const most = limits.toSorted((left, right) => right.max - left.max)[0];
  return most === undefined ? [] : [most];
}

/** What was told of somebody, on the day that is so many days before the judged one. */
export interface Told {
  readonly figure: Figure;
  readonly span: Span;
  readonly daysAgo: number;
}

/** One kind of work: who opens more cards opens more of each kind, and calls more. He is told of once a day for all of it. */
const OF_CARDS: ReadonlySet<Figure> = new Set(['card.opened', 'contact.opened', 'deal.opened', 'company.opened', 'call.placed']);

function isOneWork(left: Figure, right: Figure): boolean {
  return left === right || (OF_CARDS.has(left) && OF_CARDS.has(right));
}

/** Whether an alarm tells anything new: a day's once a day and kind of work; a sum's not while one of its days, or a sum with one of them, was told of. */
export function isNews({ figure, span }: Pick<DayLimit, 'figure' | 'span'>, told: readonly Told[]): boolean {
  return !told.some((one) => {
    if (!isOneWork(one.figure, figure) || one.daysAgo < 0) return false;
    return span === 'day' ? one.span === 'day' && one.daysAgo === 0 : one.daysAgo < SUM_DAYS;
  });
}
