import { parseArgs } from 'node:util';
import { exitOnConfigError, readConfig, reduceError } from '#platform/base';
import { coreConfigSchema } from '../config.js';
import { keyWrapper } from '../log/key-encryption-key.js';
import { loadServiceKeys } from '../log/service-keys.js';
import { openSession } from '../rebuild/range-projection.js';
import { rebuild, type RebuildOptions } from '../rebuild/rebuild.js';
import { RebuildRefused } from '../rebuild/rebuild-refused.js';
import { isEqual, verify, type Comparison } from '../rebuild/verify.js';
import type { LaneMeans, LaneThread } from '../rebuild/worker-lane.js';

/** Read models anew with the lanes given, or compared; the exit code. Never rejects. */
export async function rebuildTool(threads: readonly LaneThread[]): Promise<number> {
  return run(threads).catch((error: unknown) => {
    // The database's messages may quote rows; what is written here holds names and codes only.
    const told = error instanceof RebuildRefused ? error.message : JSON.stringify(reduceError(error));
    process.stderr.write(`the rebuild failed, and nothing was changed: ${told}\n`);
    return 1;
  });
}

async function run(threads: readonly LaneThread[]): Promise<number> {
  const { values } = parseArgs({ options: { verify: { type: 'boolean', default: false } } });
  const config = exitOnConfigError(() => readConfig(coreConfigSchema, process.env));
  const wrapper = keyWrapper(config);
  const session = await openSession(config.databaseUrl, 'rebuild-keys');
  const { lookup } = await loadServiceKeys(session, wrapper).finally(() => session.end());
  const means: LaneMeans = { databaseUrl: config.databaseUrl, keyOrigin: config, lookup };
  const free = [...threads];
  const nextThread = (): LaneThread => {
    const thread = free.shift();
    if (thread === undefined) throw new RebuildRefused('there is no thread left for a lane');
    return thread;
  };
  const options: RebuildOptions = {
    ...{ databaseUrl: config.databaseUrl, keys: { wrapper, lookup }, report: say },
    lanes: threads.length,
    openLane: (shapes, snapshot) => nextThread().open(means, shapes, snapshot),
  };
  return values.verify ? report(await verify(options)) : renew(options);
}

async function renew(options: RebuildOptions): Promise<number> {
  const { events, projectedIn, indexedIn, swappedIn } = await rebuild(options);
  const seconds = projectedIn + indexedIn + swappedIn;
  say(`rebuilt in ${seconds.toFixed(1)} s, ${Math.round(events / seconds)} events/s`);
  say(`projected ${projectedIn.toFixed(1)} s, indexes ${indexedIn.toFixed(1)} s, swap ${swappedIn.toFixed(1)} s`);
  return 0;
}

function report(comparisons: readonly Comparison[]): number {
  for (const comparison of comparisons) {
    const { table, liveRows, builtRows } = comparison;
    say(`${table}: ${liveRows} rows, ${builtRows} from the log: ${isEqual(comparison) ? 'equal' : 'DIFFERENT'}`);
    for (const kind of ['missing', 'surplus', 'different'] as const) {
      const { count, ids } = comparison[kind];
      if (count > 0) say(`  ${kind}: ${count} (${ids.join(', ')}${count > ids.length ? ', …' : ''})`);
    }
  }
  const equal = comparisons.every(isEqual);
  say(equal ? 'the read models are what the log says' : 'the read models differ from the log; npm run rebuild makes them anew');
  return equal ? 0 : 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
