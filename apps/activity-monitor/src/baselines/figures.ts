import { MEASURES, type Measure } from '#contracts';

/** A record shown that nobody of the department had been shown for eight weeks is unfamiliar; every other is familiar. */
export type Figure = Measure | 'records.shown' | 'records.unfamiliar';
export type Counted = Figure | 'records.familiar';

/** What is counted of a person a day. */
export const PERSON_COUNTS = [...MEASURES, 'records.unfamiliar', 'records.familiar'] as const satisfies readonly Counted[];

/** The days of a baseline before the days that are judged (docs/monitoring.md, "What is compared"). */
export const BASELINE_DAYS = 28;
/** The days of a long sum, the judged one among them. */
export const SUM_DAYS = 14;
/** So far back days are needed: the baseline of a sum lies before the sum. */
export const HISTORY_DAYS = BASELINE_DAYS + SUM_DAYS - 1;
/** So long a record stays familiar to a department after one of its people was shown it. */
export const FAMILIAR_DAYS = 56;

/** What a figure is summed over. */
export type Span = 'day' | 'fortnight';

/** A working day of somebody: a local day on which he did anything. What is not in `counts` was zero. */
export interface PastDay {
  /** 1 for the day before the judged one. */
  readonly daysAgo: number;
  readonly counts: Readonly<Partial<Record<Counted, number>>>;
}

/** The counts of one figure, of a day each. */
export function countsOf(days: readonly PastDay[], figure: Counted): readonly number[] {
  return days.map(({ counts }) => counts[figure] ?? 0);
}

export function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
