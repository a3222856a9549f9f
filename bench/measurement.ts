import type { HttpLoadGenerator } from './load/http-load.js';
import type { Side, SideResult } from './rounds.js';
import { ratio } from './statistics.js';
import type { Company, CompanyBuilder } from './company.js';
import type { BenchSystem } from './system.js';

export const CONNECTIONS = 32;

/** How the rounds of all sides are taken in turn. */
export interface MeasureOptions {
  /** True: a round is a whole run of the work, however long, and nothing is warmed up. */
  readonly wholeRuns?: boolean;
  /** Length of a round, where the usual two seconds would not show what happens in it. */
  readonly seconds?: number;
  /** True: a round begins with whatever the ones before have left behind; the sides see to it that it does not disturb the others. */
  readonly leavesWork?: boolean;
}

/** What a row of the bench works with. */
export interface Bench {
  readonly system: BenchSystem;
  readonly builder: CompanyBuilder;
  readonly load: HttpLoadGenerator;
  /** Made at the first call. */
  company(): Promise<Company>;
  measure(sides: readonly Side[], options?: MeasureOptions): Promise<SideResult[]>;
  progress(text: string): void;
  /** Called at the end, whatever happened. */
  atTheEnd(stop: () => Promise<void>): void;
}

/** A comparison for which there is a goal. `least`: ours is at least so much of the other; `most`: at most. */
export interface Goal {
  readonly figure: 'perSecond' | 'p50' | 'p99';
  readonly is: 'least' | 'most';
  readonly value: number;
}

export interface Comparison {
  readonly against: string;
  readonly goal: Goal;
  /** Absent: it could not be measured here; `why` says the reason. */
  readonly result?: { readonly other: SideResult; readonly ratio: number; readonly met: boolean };
  readonly why?: string;
}

/** One row of the table. */
export interface Measurement {
  readonly name: string;
  readonly title: string;
  readonly ours: SideResult;
  /** Where it is not that of the run. */
  readonly secondsARound?: number;
  readonly comparisons: readonly Comparison[];
}

/** Ours against the other, by the figure that the goal names. */
export function compare(ours: SideResult, other: SideResult, goal: Goal): Comparison {
  const found = ratio(ours[goal.figure], other[goal.figure]);
  const met = goal.is === 'least' ? found >= goal.value : found <= goal.value;
  return { against: other.name, goal, result: { other, ratio: found, met } };
}
