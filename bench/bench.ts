import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { untilAtRest } from './activity.js';
import { CompanyBuilder, type Company } from './company.js';
import { HttpLoadGenerator } from './load/http-load.js';
import { describeMachine } from './machine.js';
import type { Bench, Measurement, MeasureOptions } from './measurement.js';
import { refreshDocument, table, writeResults } from './report.js';
import { alternate, type RoundOptions } from './rounds.js';
import { appendEvent } from './rows/append.js';
import { createContact } from './rows/create-contact.js';
import { cutOff } from './rows/cut-off.js';
import { gate } from './rows/gate.js';
import { growth } from './rows/growth.js';
import { leadIntake } from './rows/lead-intake.js';
import { listContacts } from './rows/list.js';
import { memory } from './rows/memory.js';
import { openCard } from './rows/open-card.js';
import { rebuildReadModels } from './rows/rebuild.js';
import { start } from './rows/start.js';
import { windows } from './rows/windows.js';
import { BenchSystem } from './system.js';

const ROUNDS = 5;
const SECONDS_A_ROUND = 2;
const WARM_UP_SECONDS = 3;
/** Longest wait between two rounds, and of all waits together. */
const SETTLED_WITHIN_MS = 15_000;
const WAITING_IN_ALL_MS = 500_000;
/** All of it. What takes longer hangs. */
const WITHIN_MS = 1_500_000;
/** `bench/results.json` of the source tree, seen from `dist/bench`. */
const RESULTS = join(import.meta.dirname, '..', '..', 'bench', 'results.json');

/** Described there; a run of all rows keeps its table true. */
const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'performance.md');

const ROWS: Readonly<Record<string, (bench: Bench) => Promise<Measurement[]>>> = {
  card: openCard,
  command: createContact,
  intake: leadIntake,
  append: appendEvent,
  gate,
  windows,
  cutoff: cutOff,
  start,
  // Behind the rows that would work in what it grows: a million contacts.
  list: listContacts,
  rebuild: rebuildReadModels,
};
/** Rows that take minutes to prepare or to run: by name only. */
const ON_REQUEST: typeof ROWS = { growth, memory };

/** One run of the bench: what it started, and the end of it. */
class Run {
  readonly #stops: Array<() => Promise<void>> = [];
  #stopped: Promise<void> | undefined;
  #unsettled = 0;
  #waited = 0;

  async measure(names: readonly string[]): Promise<void> {
    const system = await BenchSystem.prepare();
    this.#stops.push(() => system.stop());
    progress('starting the system');
    try {
      await system.start();
      await this.#run(system, names);
    } catch (error) {
      console.error(`\n${system.report()}`);
      throw error;
    }
  }

  /** Stops everything that was started, the last first. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #run(system: BenchSystem, names: readonly string[]): Promise<void> {
    const bench = await this.#bench(system);
    const measurements: Measurement[] = [];
    for (const name of names) {
      progress(`— ${name}`);
      measurements.push(...((await (ROWS[name] ?? ON_REQUEST[name])?.(bench)) ?? []));
    }
    const machine = await describeMachine(system);
    const measuredOn = new Date().toISOString().slice(0, 10);
    const facts = { measuredOn, rounds: ROUNDS, secondsARound: SECONDS_A_ROUND, unsettled: this.#unsettled, machine };
    mkdirSync(dirname(RESULTS), { recursive: true });
    writeResults(RESULTS, measurements, facts);
    const text = [
      ...[table(measurements), ''],
      `${ROUNDS} alternating rounds of ${SECONDS_A_ROUND} s each; medians. ${machine.processors} processors, ${machine.platform},`,
      `Node ${machine.node}, PostgreSQL ${machine.postgres}, one flush of the disk ${machine.flushMs} ms.`,
      ...(this.#unsettled === 0 ? [] : [`${this.#unsettled} rounds began before the system had come to rest.`]),
    ].join('\n');
    console.log(`\n${text}`);
    if (names.length === Object.keys(ROWS).length) refreshDocument(DOCUMENT, text);
  }

  async #bench(system: BenchSystem): Promise<Bench> {
    const load = new HttpLoadGenerator();
    this.#stops.push(() => load.stop());
    const builder = new CompanyBuilder(system);
    await builder.signIn();
    let company: Promise<Company> | undefined;
    const settle = (wanted: MeasureOptions = {}): Promise<void> => this.#settle(system.pid, wanted);
    const make = async (): Promise<Company> => {
      const made = await builder.company((text) => progress(`making ${text}`));
      await settle();
      return made;
    };
    const options = { rounds: ROUNDS, seconds: SECONDS_A_ROUND, progress };
    const optionsOf = (wanted: MeasureOptions = {}): RoundOptions => ({
      ...options,
      seconds: wanted.seconds ?? SECONDS_A_ROUND,
      warmUpSeconds: wanted.wholeRuns === true ? 0 : WARM_UP_SECONDS,
      settle: () => settle(wanted),
    });
    return {
      ...{ system, builder, load },
      company: () => (company ??= make()),
      measure: (sides, wanted) => alternate(sides, optionsOf(wanted)),
      progress,
      atTheEnd: (stop) => void this.#stops.push(stop),
    };
  }

  async #settle(pid: number, { leavesWork }: MeasureOptions): Promise<void> {
    if (leavesWork === true) return;
    const since = Date.now();
    const end = since + Math.min(SETTLED_WITHIN_MS, WAITING_IN_ALL_MS - this.#waited);
    const atRest = await untilAtRest(pid, end - since);
    this.#waited += Date.now() - since;
    if (!atRest) this.#unsettled += 1;
  }

  async #stopAll(): Promise<void> {
    for (const stop of this.#stops.reverse()) {
      await stop().catch((error: unknown) => console.error(error instanceof Error ? error.message : error));
    }
  }
}

function progress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !Object.hasOwn({ ...ROWS, ...ON_REQUEST }, name));
  if (unknown.length > 0) {
    console.error(`no such row: ${unknown.join(', ')}; there are ${Object.keys({ ...ROWS, ...ON_REQUEST }).join(', ')}`);
    return 2;
  }
  const run = new Run();
  const end = async (why: string): Promise<void> => {
    console.error(`\n${why}: stopping`);
    await run.stop();
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(signal));
  const late = setTimeout(() => void end(`not done within ${WITHIN_MS / 1000} s`), WITHIN_MS);
  try {
    await run.measure(names.length > 0 ? names : Object.keys(ROWS));
    return 0;
  } catch (error) {
    console.error(`\nthe bench failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    clearTimeout(late);
    progress('');
    await run.stop();
  }
}

process.exit(await main(process.argv.slice(2)));
