import { BenchProcess } from '../child-process.js';
import { compare, CONNECTIONS, type Bench, type Comparison, type Goal, type Measurement } from '../measurement.js';
import type { Round, Side, SideResult } from '../rounds.js';
import { fillLog, watchDatabase } from '../watch-database.js';

const PEOPLE = 1_000;
/** As high as a limit goes: counted, and not reached. */
const NEVER = 1_000_000;
/** The limit of whoever is refused. */
const FEW = 5;
/** Disclosures in the log beforehand, in a further series; 0: without it. */
const DISCLOSURES = Number(process.env['BENCH_DISCLOSURES'] ?? 0);
/** 1 / 1.3: what growth may cost. */
const GROWN_GOAL = 0.77;
const FLEXIBLE = 'rate-limiter-flexible';
const FLEXIBLE_GOAL: Goal = { figure: 'perSecond', is: 'least', value: 3 };

/**
 * Asking the gate alone: admissions of 1,000 people with two limits each, beside a counter and beside a bare INSERT; then one person
 * who is held and goes on, beside the admissions of the same round.
 */
export async function gate(bench: Bench): Promise<Measurement[]> {
  const admitting = await watchDatabase(bench.system, 'bench_gate', PEOPLE, NEVER);
  const refusing = await watchDatabase(bench.system, 'bench_refusals', 1, FEW, 'deactivate');
  const input = { databaseUrl: admitting.urls.gateway, people: admitting.people };
  const other = { databaseUrl: admitting.urls.superuser, people: admitting.people };
  const ours = await side(bench, 'ours', (made) => made.ask('openGate', { ...input, expected: 'admitted' }, 60_000));
  const refused = await side(bench, 'ours, refused', async (made) => {
    const one = { databaseUrl: refusing.urls.gateway, people: refusing.people };
    await made.ask('exhaust', { ...one, openings: FEW }, 60_000);
    return made.ask('openGate', { ...one, expected: 'refused' }, 60_000);
  });
  const raw = await side(bench, 'raw INSERT', (made) => made.ask('openRaw', other, 60_000));
  const flexible = await side(bench, FLEXIBLE, (made) => made.ask('openFlexible', other, 60_000));
  if (ours === undefined || refused === undefined || raw === undefined) throw new Error('nothing to ask');
  const grown = DISCLOSURES > 0 ? await grownSide(bench) : undefined;
  const sides = [ours, raw, refused, ...(flexible === undefined ? [] : [flexible])];
  const results = await bench.measure([...sides, ...(grown === undefined ? [] : [grown])]);
  const [result, rawResult, refusedResult] = results;
  const flexibleResult = results.find(({ name }) => name === FLEXIBLE);
  const grownResult = results.find(({ name }) => name === grown?.name);
  if (result === undefined || rawResult === undefined || refusedResult === undefined) throw new Error('no rounds');
  const beside: Comparison =
    flexibleResult === undefined
      ? { against: FLEXIBLE, goal: FLEXIBLE_GOAL, why: 'not installed' }
      : compare(result, flexibleResult, FLEXIBLE_GOAL);
  return [
    {
      ...{ name: 'gate', title: `gate, ${PEOPLE} people, ${CONNECTIONS} in flight, admissions/s`, ours: result },
      comparisons: [beside, compare(result, rawResult, { figure: 'perSecond', is: 'least', value: 0.5 })],
    },
    {
      ...{
        name: 'gate-refusals',
        title: `gate, one person hammering, ${CONNECTIONS} in flight, refusals/s`,
        ours: refusedResult,
      },
      comparisons: [compare(refusedResult, { ...result, name: 'admissions' }, { figure: 'perSecond', is: 'least', value: 2 })],
    },
    ...(grownResult === undefined ? [] : [grownRow(grownResult, result)]),
  ];
}

/** The same people, each with thousands of disclosures in his day, in a log that is as long. */
async function grownSide(bench: Bench): Promise<Side | undefined> {
  const filled = await watchDatabase(bench.system, 'bench_gate_grown', PEOPLE, NEVER);
  bench.progress(`writing ${DISCLOSURES} disclosures`);
  await fillLog(filled, DISCLOSURES);
  const input = { databaseUrl: filled.urls.gateway, people: filled.people, expected: 'admitted' };
  return side(bench, `ours, ${DISCLOSURES} disclosures in the log`, (made) => made.ask('openGate', input, 60_000));
}

function grownRow(grown: SideResult, result: SideResult): Measurement {
  const title = `gate, ${DISCLOSURES} disclosures in the log, admissions/s`;
  const against = { ...result, name: 'an empty log' };
  return {
    name: 'gate-grown',
    title,
    ours: grown,
    comparisons: [compare(grown, against, { figure: 'perSecond', is: 'least', value: GROWN_GOAL })],
  };
}

/** A process that asks. Undefined when `open` says that what it takes is not installed. */
async function side(bench: Bench, name: string, open: (made: BenchProcess) => Promise<unknown>): Promise<Side | undefined> {
  const made = new BenchProcess('floors/admitter.js');
  bench.atTheEnd(() => made.stop());
  if ((await open(made)) === false) return undefined;
  return { name, run: (seconds) => made.ask<Round>('run', { seconds, inFlight: CONNECTIONS }, seconds * 1000 + 30_000) };
}
