import { readFileSync, writeFileSync } from 'node:fs';
import type { Comparison, Goal, Measurement } from './measurement.js';
import type { SideResult } from './rounds.js';
import type { Summary } from './statistics.js';

/** Figures of one machine; only ratios travel. */
export interface Machine {
  readonly platform: string;
  readonly processors: number;
  readonly node: string;
  readonly postgres: string;
  /** Milliseconds of one flush of 4 KB to the disk under the data directory, the median. */
  readonly flushMs: number;
}

export interface RunFacts {
  /** The day, ISO 8601. */
  readonly measuredOn: string;
  readonly rounds: number;
  readonly secondsARound: number;
  /** Rounds that began while the system was still at work on what came before. */
  readonly unsettled: number;
  readonly machine: Machine;
}

/** The printed table: one line for each comparison. */
export function table(measurements: readonly Measurement[]): string {
  const head = ['', 'ours (min–max)', 'against', '(min–max)', 'ratio', 'goal', '', 'p50 ours/other, ms', 'p99 ours/other, ms'];
  const rows = measurements.flatMap((measurement) => measurement.comparisons.map((comparison) => line(measurement, comparison)));
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function line({ title, ours }: Measurement, { against, goal, result, why }: Comparison): string[] {
  const both = (figure: 'p50' | 'p99'): string =>
    `${milliseconds(ours[figure].median)} / ${result === undefined ? '–' : milliseconds(result.other[figure].median)}`;
  return [
    title,
    spread(ours, goal),
    against,
    result === undefined ? (why ?? '') : spread(result.other, goal),
    result === undefined ? '–' : result.ratio.toFixed(2),
    goalText(goal),
    result === undefined ? '' : result.met ? 'met' : 'NOT met',
    both('p50'),
    both('p99'),
  ];
}

function spread(side: SideResult, { figure }: Goal): string {
  const { median, min, max } = side[figure];
  const shown = (value: number): string =>
    figure !== 'perSecond' ? milliseconds(value) : Math.round(value).toLocaleString('en');
  return `${shown(median)} (${shown(min)}–${shown(max)})`;
}

function goalText({ is, value }: Goal): string {
  return `${is === 'least' ? '≥' : '≤'} ${value}`;
}

function milliseconds(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

/** Puts the measurements into the file of the latest results; those of rows that were not run now stay as they are. */
export function writeResults(file: string, measurements: readonly Measurement[], facts: RunFacts): void {
  const rows = { ...present(file) };
  for (const measurement of measurements) rows[measurement.name] = { ...facts, ...resultOf(measurement) };
  const sorted = Object.fromEntries(Object.entries(rows).sort(([one], [other]) => (one < other ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}

function present(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function resultOf({ title, ours, comparisons, secondsARound }: Measurement): object {
  return {
    title,
    ...(secondsARound === undefined ? {} : { secondsARound }),
    ours: side(ours),
    against: comparisons.map(({ against, goal, result, why }) => ({
      name: against,
      goal: `${goal.figure} ${goalText(goal)}`,
      ...(result === undefined ? { why } : { ...side(result.other), ratio: Number(result.ratio.toFixed(3)), met: result.met }),
    })),
  };
}

function side({ perSecond, p50, p99 }: SideResult): object {
  return { perSecond: rounded(perSecond, 1), p50Ms: rounded(p50, 3), p99Ms: rounded(p99, 3) };
}

function rounded({ median, min, max }: Summary, digits: number): Summary {
  const round = (value: number): number => Number(value.toFixed(digits));
  return { median: round(median), min: round(min), max: round(max) };
}

/** Puts the table into the document's block after `<!-- bench -->`; leaves a document without one alone. */
export function refreshDocument(file: string, text: string): void {
  const before = document(file);
  const after = before.replace(
    /(<!-- bench -->\n\n```text\n)[^`]*(\n```)/,
    (_all, head: string, tail: string) => head + text + tail,
  );
  if (after !== before) writeFileSync(file, after);
}

function document(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
