import { MEASURES, type Measure } from '#contracts';
import { BASELINE_DAYS, countsOf, PERSON_COUNTS, sumOf, type Counted, type PastDay } from './figures.js';
import { medianOf, tallyOf, usualOf, type Usual } from './usual.rules.js';

/** Fewer working days say nothing. */
export const LEAST_DAYS = 7;
/** The pulse is taken from each person's last working days, within a week. */
const PULSE_DAYS = 3;
const PULSE_WITHIN_DAYS = 7;
/** With fewer people there is none. */
const PULSE_PEOPLE = 5;

/** Where somebody belongs. */
export interface Placed {
  readonly roleIds: readonly string[];
  readonly departmentId: string | null;
}

/** Working days of many people, thrown together. */
export class DayPool {
  readonly #tallies = new Map<Counted, Map<number, number>>();

  add(days: readonly PastDay[]): void {
    for (const figure of PERSON_COUNTS) {
      const tally = this.#tallies.get(figure) ?? new Map<number, number>();
      this.#tallies.set(figure, tally);
      for (const count of countsOf(days, figure)) tally.set(count, (tally.get(count) ?? 0) + 1);
    }
  }

  usual(figure: Counted): Usual {
    return usualOf(this.#tallies.get(figure) ?? new Map());
  }
}

/**
 * What all people of a company come to: their days by role and of everyone, and its pulse, which is how much busier than usual people
 * are these days. A quarter's end makes everyone busier, and nobody suspect.
 */
export class CompanyDays {
  readonly #roles = new Map<string, DayPool>();
  readonly #everyone = new DayPool();
  readonly #ratios = new Map<Measure, number[]>();
  readonly #people = new Map<string, number>();

  /** One more person, with all of his roles. */
  add({ roleIds, departmentId }: Placed, history: readonly PastDay[]): void {
    if (departmentId !== null) this.#people.set(departmentId, this.peopleOf(departmentId) + 1);
    const days = history.filter(({ daysAgo }) => daysAgo <= BASELINE_DAYS);
    this.#everyone.add(days);
    for (const roleId of new Set(roleIds)) {
      const pool = this.#roles.get(roleId) ?? new DayPool();
      this.#roles.set(roleId, pool);
      pool.add(days);
    }
    for (const measure of MEASURES) {
      const ratio = busynessOf(days, measure);
      if (ratio !== undefined) this.#ratios.set(measure, [...(this.#ratios.get(measure) ?? []), ratio]);
    }
  }

  /** How many people of a department were added. */
  peopleOf(departmentId: string): number {
    return this.#people.get(departmentId) ?? 0;
  }

  /** The pools of somebody's roles that have enough days, or everyone's, or none. */
  poolsFor(roleIds: readonly string[]): readonly { readonly pool: DayPool; readonly of: 'roles' | 'everyone' }[] {
    const ofRoles = roleIds.flatMap((id) => this.#roles.get(id) ?? []).filter(hasEnough);
    if (ofRoles.length > 0) return ofRoles.map((pool) => ({ pool, of: 'roles' }));
    return hasEnough(this.#everyone) ? [{ pool: this.#everyone, of: 'everyone' }] : [];
  }

  /** 1 or more: the middle of what people's last working days are to their medians. */
  pulse(measure: Measure): number {
    const ratios = this.#ratios.get(measure) ?? [];
    return ratios.length < PULSE_PEOPLE ? 1 : Math.max(1, medianOf(tallyOf(ratios)));
  }
}

function hasEnough(pool: DayPool): boolean {
  return pool.usual('card.opened').days >= LEAST_DAYS;
}

function busynessOf(days: readonly PastDay[], measure: Measure): number | undefined {
  const usual = usualOf(tallyOf(countsOf(days, measure)));
  const recent = days
    .filter(({ daysAgo }) => daysAgo <= PULSE_WITHIN_DAYS)
    .toSorted((left, right) => left.daysAgo - right.daysAgo);
  const counts = countsOf(recent.slice(0, PULSE_DAYS), measure);
  if (usual.days < LEAST_DAYS || usual.median === 0 || counts.length === 0) return undefined;
  return sumOf(counts) / counts.length / usual.median;
}
