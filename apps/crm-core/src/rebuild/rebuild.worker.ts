import { parentPort, workerData } from 'node:worker_threads';
import { Secret } from '#kernel';
import { keyWrapper } from '../log/key-encryption-key.js';
import { openLane, type RangeResult } from './range-projection.js';
import type { StreamRange } from './stream-reader.js';
import type { Shapes } from './table-shape.js';

/** All that a lane needs of what its process has read. So a thread loads only what projects: a third of what the tool loads. */
export interface LaneSetUp {
  readonly databaseUrl: string;
  readonly kek: string | undefined;
  readonly kekPrevious: string | undefined;
  readonly keyDir: string;
  readonly lookup: Uint8Array;
  readonly shapes: Shapes;
  readonly snapshot: string;
}

/** An error crosses as what may be written down of it. */
export type LaneAnswer = { readonly result: RangeResult } | { readonly error: string };

/** A lane in a thread of its own: the other end is `worker-lane.ts`. It opens its own sessions. */
const { databaseUrl, kek, kekPrevious, keyDir, lookup, shapes, snapshot } = workerData as LaneSetUp;
const secret = (value: string | undefined): Secret<string> | undefined => (value === undefined ? undefined : new Secret(value));
const wrapper = keyWrapper({ kek: secret(kek), kekPrevious: secret(kekPrevious), keyDir });
const lane = await openLane(new Secret(databaseUrl), { wrapper, lookup: Buffer.from(lookup) }, shapes, snapshot);

parentPort?.on('message', (range: StreamRange | null) => {
  // The port keeps the thread alive; with the sessions ended and the port closed it ends by itself.
  if (range === null) return void lane.close().finally(() => parentPort?.close());
  lane.project(range).then(
    (result) => parentPort?.postMessage({ result } satisfies LaneAnswer),
    (error: unknown) => void tell(error),
  );
});

async function tell(error: unknown): Promise<void> {
  // Loaded only when it is needed: it brings the whole HTTP shell along.
  const { reduceError } = await import('#platform');
  parentPort?.postMessage({ error: JSON.stringify(reduceError(error)) } satisfies LaneAnswer);
}

parentPort?.postMessage('open');
