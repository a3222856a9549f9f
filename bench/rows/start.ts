import { compare, type Bench, type Measurement } from '../measurement.js';
import type { SideResult } from '../rounds.js';
import { summarise } from '../statistics.js';
import { BenchSystem } from '../system.js';

const STARTS = 5;
/** The goal: ready within five seconds. */
const MOST_MS = 5_000;

/** `npm start` of an installed tree with data in its directory, until it says "palisade ready"; the first one, which makes the data, is told of only. */
export async function start(bench: Bench): Promise<Measurement[]> {
  const system = await BenchSystem.prepare();
  bench.atTheEnd(() => system.stop());
  bench.atTheEnd(() => system.end());
  const times: number[] = [];
  for (let round = 0; round <= STARTS; round += 1) {
    const took = await system.startByNpm();
    await system.end();
    if (round > 0) times.push(took);
    bench.progress(`${round === 0 ? 'with an empty data directory' : `start ${round}`}: ${Math.round(took)} ms`);
  }
  const ours = milliseconds('npm start', times);
  return [
    {
      ...{ name: 'start', title: 'npm start, installed, until it is ready, ms', ours },
      comparisons: [compare(ours, milliseconds('a limit', [MOST_MS]), { figure: 'perSecond', is: 'most', value: 1 })],
    },
  ];
}

/** Times in the place of rates. */
function milliseconds(name: string, values: readonly number[]): SideResult {
  const none = summarise([0]);
  return { name, rounds: [], perSecond: summarise(values), p50: none, p99: none };
}
