import { parentPort, workerData } from 'node:worker_threads';
import { createPool, readConfig, reduceError } from '#platform';
import { coreConfigSchema } from '../config.js';
import { keyWrapper } from '../log/key-encryption-key.js';
import { loadServiceKeys } from '../log/service-keys.js';
import { openLane, openSession, type RangeResult } from './range-projection.js';
import type { StreamRange } from './stream-reader.js';
import { readShapes } from './table-shape.js';

/** A lane in a thread of its own: the other end is `worker-lane.ts`. It reads the same environment and opens its own sessions. */
const config = readConfig(coreConfigSchema, process.env);
const wrapper = keyWrapper(config);
const pool = createPool({ connectionString: config.databaseUrl, max: 1, applicationName: 'rebuild-keys' });
const { lookup } = await loadServiceKeys(pool, wrapper);
await pool.end();
const session = await openSession(config.databaseUrl, 'rebuild-shapes');
const shapes = await readShapes(session);
await session.end();
const { snapshot } = workerData as { readonly snapshot: string };
const lane = await openLane(config.databaseUrl, { wrapper, lookup }, shapes, snapshot);

/** An error crosses as what may be written down of it. */
export type LaneAnswer = { readonly result: RangeResult } | { readonly error: string };

parentPort?.on('message', (range: StreamRange | null) => {
  if (range === null) return void lane.close();
  lane.project(range).then(
    (result) => parentPort?.postMessage({ result } satisfies LaneAnswer),
    (error: unknown) => parentPort?.postMessage({ error: JSON.stringify(reduceError(error)) } satisfies LaneAnswer),
  );
});
parentPort?.postMessage('open');
