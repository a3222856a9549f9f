import { compare, CONNECTIONS, type Bench, type Comparison, type Goal, type Measurement } from '../measurement.js';
import { ownDatabase, writer } from './create-contact.js';

const EMMETT = 'emmett-postgresql append';
const EMMETT_GOAL: Goal = { figure: 'perSecond', is: 'least', value: 3 };

/** One event a call into streams of their own: the log's append, a bare INSERT of the same size, and Emmett's append. */
export async function appendEvent(bench: Bench): Promise<Measurement[]> {
  const databaseUrl = await ownDatabase(bench.system.connections.database.superuser, 'bench_append');
  const ours = await writer(bench, 'ours', 'openStore', databaseUrl);
  const raw = await writer(bench, 'raw INSERT', 'openRaw', databaseUrl);
  const emmett = await writer(bench, EMMETT, 'openEmmett', databaseUrl);
  if (ours === undefined || raw === undefined) throw new Error('nothing to compare');
  const [result, rawResult, emmettResult] = await bench.measure([ours, raw, ...(emmett ? [emmett] : [])]);
  if (result === undefined || rawResult === undefined) throw new Error('no rounds');
  const beside: Comparison =
    emmettResult === undefined
      ? { against: EMMETT, goal: EMMETT_GOAL, why: 'not installed' }
      : compare(result, emmettResult, EMMETT_GOAL);
  return [
    {
      ...{ name: 'append', title: `append, one event a call, ${CONNECTIONS} in flight, events/s`, ours: result },
      comparisons: [compare(result, rawResult, { figure: 'perSecond', is: 'least', value: 0.8 }), beside],
    },
  ];
}
