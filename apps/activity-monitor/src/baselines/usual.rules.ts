/** How often each daily count occurred. A day on which somebody worked and the count was zero is a day like others. */
export type Tally = ReadonlyMap<number, number>;

/** What is usual for somebody, in counts a day. */
export interface Usual {
  readonly median: number;
  /** The median absolute deviation: half of the days are no farther from the median than this. */
  readonly deviation: number;
  /** How many days it is made of. */
  readonly days: number;
  /** What was reached on at least two days. */
  readonly reachedTwice: number;
}

/** How far outside something has to be to be unusual. */
export interface Outside {
  /** More than the median and so many deviations. */
  readonly deviations: number;
  /** And more than so much. */
  readonly least: number;
  /** A deviation counts as this share of the median at least: one made of few days is often too small by chance. */
  readonly share: number;
}

/** Of the counts of single days. */
export function tallyOf(counts: Iterable<number>): Map<number, number> {
  const tally = new Map<number, number>();
  for (const count of counts) tally.set(count, (tally.get(count) ?? 0) + 1);
  return tally;
}

/** Median, deviation and what else a limit is made of. */
export function usualOf(tally: Tally): Usual {
  const median = medianOf(tally);
  const distances = new Map<number, number>();
  for (const [count, days] of tally) {
    const distance = Math.abs(count - median);
    distances.set(distance, (distances.get(distance) ?? 0) + days);
  }
  return { median, deviation: medianOf(distances), days: daysIn(tally), reachedTwice: reachedTwice(tally) };
}

/** The middle of the counts, or half-way between the two in the middle; 0 when there are none. */
export function medianOf(tally: Tally): number {
  const days = daysIn(tally);
  const [low, high] = [Math.ceil(days / 2), Math.floor(days / 2) + 1];
  let passed = 0;
  let lower: number | undefined;
  for (const [count, times] of [...tally].sort(([left], [right]) => left - right)) {
    passed += times;
    if (lower === undefined && passed >= low) lower = count;
    if (passed >= high) return ((lower ?? count) + count) / 2;
  }
  return 0;
}

/**
 * The largest sum of so many working days that is still usual: median and deviations, in a company that is `pulse` times as busy as
 * usual. Deviations of days that do not hang together grow with the root of their number.
 *
 * A deviation of zero means that more than half of the days are alike, which says nothing of the others (an export each Friday): then twice
 * what was reached on two days is usual too.
 */
export function usualMax(usual: Usual, outside: Outside & { readonly pulse: number; readonly days: number }): number {
  const { deviations, least, share, pulse, days } = outside;
  const far = pulse * (days * usual.median + deviations * Math.sqrt(days) * deviationOf(usual, share));
  return Math.max(least, far, usual.deviation > 0 ? 0 : 2 * usual.reachedTwice);
}

/** At least that share of the median, 1, and what counting alone scatters: of a Poisson count two thirds of the root of its mean. */
function deviationOf({ median, deviation }: Usual, share: number): number {
  return Math.max(deviation, share * median, 1, 0.6745 * Math.sqrt(median));
}

function daysIn(tally: Tally): number {
  let days = 0;
  for (const times of tally.values()) days += times;
  return days;
}

function reachedTwice(tally: Tally): number {
  const [first, second] = [...tally].sort(([left], [right]) => right - left);
  if (first === undefined) return 0;
  return first[1] > 1 ? first[0] : (second?.[0] ?? 0);
}
