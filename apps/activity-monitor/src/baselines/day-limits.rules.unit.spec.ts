import { CompanyDays } from './company-days.rules.js';
import { departmentLimits, isNews, maxWith, personLimits, type DayLimit } from './day-limits.rules.js';
import type { Counted, Figure, PastDay, Span } from './figures.js';

/** Working days from so many days ago on, back. */
function days(count: number, counts: Partial<Record<Counted, number>>, from = 1): PastDay[] {
  return Array.from({ length: count }, (_, index) => ({ daysAgo: from + index, counts }));
}
const cards = (count: number): Partial<Record<Counted, number>> => ({ 'contact.opened': count, 'card.opened': count });
const of = (limits: readonly DayLimit[], figure: Figure, span: Span = 'day'): DayLimit | undefined =>
  limits.find((limit) => limit.figure === figure && limit.span === span);

function company(
  people: readonly (readonly [readonly string[], readonly PastDay[]])[],
  departmentId: string | null = null,
): CompanyDays {
  const all = new CompanyDays();
  for (const [roleIds, history] of people) all.add({ roleIds, departmentId }, history);
  return all;
}

describe('whose days a person is judged by', () => {
  const sellers = company([
    [['seller'], days(20, cards(30))],
    [['clerk'], days(20, cards(5))],
  ]);

  it.each([
    ['his own, with 14 of them', 14, ['seller'], 'person', 10],
    ['his own or his roles’, whichever allows more, with 7', 7, ['seller'], 'roles', 30],
    ['his own, where they allow more than his roles’', 7, ['clerk'], 'person', 10],
    ['his roles’ with fewer', 6, ['clerk'], 'roles', 5],
    ['of several roles the one that allows most', 0, ['clerk', 'seller'], 'roles', 30],
    ['everyone’s, when no role of his has enough', 0, ['nobody has it'], 'everyone', 17.5],
  ])('%s', (_, own, roleIds, whose, median) => {
    const limit = of(personLimits(days(own, cards(10)), roleIds, sellers), 'contact.opened');
    expect(limit?.usual).toMatchObject({ of: whose, median });
  });

  it('nobody’s, when nobody has enough: nothing is unusual then', () => {
    expect(personLimits(days(6, cards(10)), ['seller'], company([[['seller'], days(6, cards(10))]]))).toEqual([]);
    expect(departmentLimits(days(6, { 'records.shown': 10 }), 'sales', company([]))).toEqual([]);
  });

  it('of the last 28 days only', () => {
    const limits = personLimits([...days(14, cards(10)), ...days(14, cards(500), 29)], [], company([]));
    expect(of(limits, 'contact.opened')?.usual).toMatchObject({ median: 10, days: 14 });
  });
});

describe('a busier company', () => {
  it('makes nobody suspect: the limit rises with the middle of the people, not with one', () => {
    const busy = [...days(3, cards(20)), ...days(17, cards(10), 4)];
    const quiet = days(20, cards(10));
    const max = (people: readonly (readonly PastDay[])[]): number | undefined =>
      of(personLimits(quiet, [], company(people.map((history) => [[], history]))), 'contact.opened')?.max;
    expect(max([busy, quiet, quiet, quiet, quiet])).toBe(46);
    expect(max([busy, busy, busy, quiet, quiet])).toBe(92);
    expect(max([busy, busy, busy, busy])).toBe(46);
  });
});

describe('unfamiliar records', () => {
  const unfamiliar = (count: number, familiar = 20): Partial<Record<Counted, number>> => ({
    'records.unfamiliar': count,
    'records.familiar': familiar,
  });
  const history = [...days(10, unfamiliar(12)), ...days(20, unfamiliar(4), 14)];

  it('are summed over two weeks, against the four weeks before them', () => {
    const limit = of(personLimits(history, [], company([])), 'records.unfamiliar', 'fortnight');
    expect(limit).toMatchObject({ carried: 120, usual: { median: 4, days: 20 }, familiar: { usual: 220, carried: 200 } });
    expect(limit?.max).toBeCloseTo(11 * 4 + 7.5 * Math.sqrt(11) * 0.6745 * 2, 3);
  });

  it('may be more with more work among familiar ones, and never fewer', () => {
    const limit = of(personLimits(history, [], company([])), 'records.unfamiliar', 'fortnight') as DayLimit;
    expect(maxWith(limit, 0)).toBe(limit.max);
    expect(maxWith(limit, 240)).toBeCloseTo(2 * limit.max, 6);
  });
});

describe('a department', () => {
  it('of few people scatters more than one of many', () => {
    const history = [...days(10, { 'records.shown': 390 }), ...days(10, { 'records.shown': 410 }, 11)];
    const max = (people: number): number | undefined => {
      const all = company(
        Array.from({ length: people }, () => [[], days(20, cards(30))] as const),
        'sales',
      );
      return of(departmentLimits(history, 'sales', all), 'records.shown')?.max;
    };
    expect(max(12)).toBeCloseTo(400 + 6 * 0.15 * 400, 6);
    expect(max(40)).toBe(max(12));
    expect(max(3)).toBeCloseTo(400 + 6 * 2 * 0.15 * 400, 6);
  });
});

describe('what is news', () => {
  const told = (span: Span, daysAgo: number) => [{ figure: 'records.unfamiliar' as const, span, daysAgo }];
  const isNewsOf = (span: Span, before: ReturnType<typeof told>): boolean =>
    isNews({ figure: 'records.unfamiliar', span }, before);

  it('a day once a day, a sum once in two weeks, and not after one of its days', () => {
    expect(isNewsOf('day', told('day', 0))).toBe(false);
    expect(isNewsOf('day', told('day', 1))).toBe(true);
    expect(isNewsOf('day', told('fortnight', 0))).toBe(true);
    expect(isNewsOf('fortnight', told('fortnight', 13))).toBe(false);
    expect(isNewsOf('fortnight', told('fortnight', 14))).toBe(true);
    expect(isNewsOf('fortnight', told('day', 5))).toBe(false);
    expect(isNews({ figure: 'records.shown', span: 'day' }, told('day', 0))).toBe(true);
  });

  it('openings of every kind and calls are one kind of work, told of once a day; what gives numbers or files away is not of it', () => {
    const cardsTold = [{ figure: 'contact.opened' as const, span: 'day' as const, daysAgo: 0 }];
    const isNewsAfter = (figure: Figure): boolean => isNews({ figure, span: 'day' }, cardsTold);
    for (const figure of ['card.opened', 'deal.opened', 'company.opened', 'call.placed'] as const)
      expect([figure, isNewsAfter(figure)]).toEqual([figure, false]);
    for (const figure of ['phone.revealed', 'phone.lookedUp', 'record.exported', 'list.rows', 'records.unfamiliar'] as const)
      expect([figure, isNewsAfter(figure)]).toEqual([figure, true]);
    expect(isNews({ figure: 'deal.opened', span: 'day' }, [{ ...cardsTold[0]!, daysAgo: 1 }])).toBe(true);
  });
});
