/** What is reported of several rounds. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The middle value; of an even number of them the mean of the two in the middle. Throws on none: no figure is not a zero. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] as number;
  return Number.isInteger(middle) ? ((sorted[middle - 1] as number) + upper) / 2 : upper;
}

/** The smallest value that at least `share` (0 < share ≤ 1) of all values do not exceed: the nearest rank, never interpolated. */
export function percentile(values: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError('a share is above 0 and at most 1');
  const sorted = ascending(values);
  return sorted[Math.ceil(share * sorted.length) - 1] as number;
}

/** Of one value at least. */
export function summarise(values: readonly number[]): Summary {
  const sorted = ascending(values);
  return { median: median(sorted), min: sorted[0] as number, max: sorted.at(-1) as number };
}

/** Ours over the other's, of the medians. Throws when there is nothing to divide by. */
export function ratio(ours: Summary, other: Summary): number {
  if (!(other.median > 0)) throw new RangeError('nothing to compare with');
  return ours.median / other.median;
}

function ascending(values: readonly number[]): readonly number[] {
  if (values.length === 0) throw new RangeError('no values');
  if (values.some((value) => !Number.isFinite(value))) throw new RangeError('a value is no number');
  return values.toSorted((one, other) => one - other);
}
