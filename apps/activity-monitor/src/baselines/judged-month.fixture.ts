import { MEASURES } from '#contracts';
import { Chance } from './chance.fixture.js';
import { CompanyDays } from './company-days.rules.js';
import { departmentLimits, isNews, maxWith, personLimits, type DayLimit } from './day-limits.rules.js';
import { BASELINE_DAYS, countsOf, FAMILIAR_DAYS, HISTORY_DAYS, type Counted, type PastDay } from './figures.js';
import { MONTH_FROM, type Act, type Employee } from './generated-company.fixture.js';
import { generatedDays, type GeneratedDay, type Scraper } from './generated-days.fixture.js';
import { tallyOf, usualOf } from './usual.rules.js';

/** An alarm that the month would have raised. */
export interface Raised {
  readonly day: number;
  readonly scope: 'person' | 'department';
  readonly id: string;
  readonly count: number;
  readonly limit: DayLimit;
  /** How many records each scraper had when it was raised. */
  readonly taken: ReadonlyMap<string, number>;
}

export interface JudgedMonth {
  readonly raised: readonly Raised[];
  /** What the bare rule would have raised: a person's measure past his median and 6 deviations, at least 20. */
  readonly byBareRule: readonly { readonly id: string; readonly day: number }[];
}

/** What somebody, or a department, had so far on a day. */
interface Today {
  readonly counts: Partial<Record<Counted, number>>;
  /** By measure, and all together: the records, so that each counts once. */
  readonly seen: Map<string, Set<number>>;
}

/** Judges a generated company act by act, each day by the limits that the days before make. */
export function judgedMonth(seed: number, scrapers: readonly Scraper[]): JudgedMonth {
  const { staff, days } = generatedDays(new Chance(seed), scrapers);
  const judge = new Judge(staff, scrapers);
  for (const day of days) judge.judge(day);
  return judge;
}

class Judge implements JudgedMonth {
  readonly raised: Raised[] = [];
  readonly byBareRule: Array<{ readonly id: string; readonly day: number }> = [];
  readonly #past = new Map<string, Array<{ day: number; counts: PastDay['counts'] }>>();
  readonly #lastShown = new Map<string, Map<number, number>>();
  readonly #taken = new Map<string, number>();
  readonly #departmentOf: ReadonlyMap<string, string>;

  constructor(
    private readonly staff: readonly Employee[],
    private readonly scrapers: readonly Scraper[],
  ) {
    this.#departmentOf = new Map(staff.map(({ id, department }) => [id, department]));
  }

  judge({ day, acts }: GeneratedDay): void {
    const limits = day < MONTH_FROM ? new Map<string, readonly DayLimit[]>() : this.#limits(day);
    const today = new Map<string, Today>();
    const longest = Math.max(0, ...[...acts.values()].map((all) => all.length));
    // Everybody works at the same time: one act each in turn.
    for (let turn = 0; turn < longest; turn += 1) {
      for (const [person, all] of acts) {
        const act = all[turn];
        if (act === undefined) continue;
        const department = this.#departmentOf.get(person) ?? '';
        this.#count(day, today, person, department, act);
        this.#compare(day, 'person', person, today, limits);
        this.#compare(day, 'department', department, today, limits);
      }
    }
    if (day >= MONTH_FROM) this.#compareBarely(day, today);
    this.#remember(day, today);
  }

  #limits(day: number): ReadonlyMap<string, readonly DayLimit[]> {
    const company = new CompanyDays();
    const histories = new Map(this.staff.map(({ id }) => [id, this.#history(id, day)]));
    for (const { id, roleIds, department } of this.staff)
      company.add({ roleIds, departmentId: department }, histories.get(id) ?? []);
    const ofPeople = this.staff.map(({ id, roleIds }) => [id, personLimits(histories.get(id) ?? [], roleIds, company)] as const);
    const departments = [...new Set(this.#departmentOf.values())];
    return new Map([
      ...ofPeople,
      ...departments.map((id) => [id, departmentLimits(this.#history(id, day), id, company)] as const),
    ]);
  }

  #history(id: string, today: number): PastDay[] {
    return (this.#past.get(id) ?? []).flatMap(({ day, counts }) =>
      today - day <= HISTORY_DAYS ? [{ daysAgo: today - day, counts }] : [],
    );
  }

  /** As gate, windows and sightings count: openings each card once a day, everything else by its amount, records shown once. */
  #count(day: number, today: Map<string, Today>, person: string, department: string, act: Act): void {
    const { measure, amount, record, scraped } = act;
    if (scraped) this.#take(person);
    const isOpening = measure.endsWith('.opened');
    if (!isOpening || isNew(today, person, measure, record)) {
      add(today, person, measure, amount);
      if (isOpening) add(today, person, 'card.opened', 1);
    }
    if (record === undefined) return;
    const last = this.#lastShown.get(department)?.get(record);
    const kind = last === undefined || day - last > FAMILIAR_DAYS ? 'records.unfamiliar' : 'records.familiar';
    if (isNew(today, person, 'shown', record)) add(today, person, kind, 1);
    if (!isNew(today, department, 'shown', record)) return;
    add(today, department, 'records.shown', 1);
    add(today, department, kind, 1);
  }

  #take(person: string): void {
    for (const { name, people } of this.scrapers)
      if (people.includes(person)) this.#taken.set(name, (this.#taken.get(name) ?? 0) + 1);
  }

  #compare(
    day: number,
    scope: Raised['scope'],
    id: string,
    today: ReadonlyMap<string, Today>,
    limits: ReadonlyMap<string, readonly DayLimit[]>,
  ): void {
    const counts = today.get(id)?.counts ?? {};
    for (const limit of limits.get(id) ?? []) {
      const count = (counts[limit.figure] ?? 0) + limit.carried;
      if (count <= limit.max || count <= maxWith(limit, counts['records.familiar'] ?? 0)) continue;
      const mine = this.raised.filter((one) => one.id === id);
      const told = mine.map((one) => ({ figure: one.limit.figure, span: one.limit.span, daysAgo: day - one.day }));
      if (isNews(limit, told)) this.raised.push({ day, scope, id, count, limit, taken: new Map(this.#taken) });
    }
  }

  #compareBarely(day: number, today: ReadonlyMap<string, Today>): void {
    for (const [id, { counts }] of today) {
      if (!this.#departmentOf.has(id)) continue;
      const days = this.#history(id, day).filter(({ daysAgo }) => daysAgo <= BASELINE_DAYS);
      for (const measure of days.length < 7 ? [] : MEASURES) {
        const { median, deviation } = usualOf(tallyOf(countsOf(days, measure)));
        if ((counts[measure] ?? 0) > Math.max(20, median + 6 * deviation)) this.byBareRule.push({ id, day });
      }
    }
  }

  #remember(day: number, today: ReadonlyMap<string, Today>): void {
    for (const [id, { counts, seen }] of today) {
      this.#past.set(id, [...(this.#past.get(id) ?? []), { day, counts }]);
      if (this.#departmentOf.has(id)) continue;
      const last = this.#lastShown.get(id) ?? new Map<number, number>();
      for (const record of seen.get('shown') ?? []) last.set(record, day);
      this.#lastShown.set(id, last);
    }
  }
}

function isNew(today: Map<string, Today>, id: string, kind: string, record: number | undefined): boolean {
  const { seen } = todayOf(today, id);
  const records = seen.get(kind) ?? new Set();
  seen.set(kind, records);
  if (record === undefined || records.has(record)) return false;
  records.add(record);
  return true;
}

function add(today: Map<string, Today>, id: string, figure: Counted, amount: number): void {
  const { counts } = todayOf(today, id);
  counts[figure] = (counts[figure] ?? 0) + amount;
}

function todayOf(today: Map<string, Today>, id: string): Today {
  const counted = today.get(id) ?? { counts: {}, seen: new Map() };
  today.set(id, counted);
  return counted;
}
