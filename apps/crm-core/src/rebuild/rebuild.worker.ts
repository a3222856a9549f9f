import { parentPort } from 'node:worker_threads';
import { Secret } from '#kernel';
import { reduceError } from '#platform/base';
import { keyWrapper } from '../log/key-encryption-key.js';
import { openLane, type Lane, type RangeResult } from './range-projection.js';
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
export interface LaneOpened {
  readonly error?: string;
}
export type LaneAnswer = { readonly result: RangeResult } | { readonly error: string };

/**
 * A lane in a thread of its own: the other end is `worker-lane.ts`. The first message says what to open it with, each other is a range,
 * and null the end.
 */
parentPort?.once('message', (setUp: LaneSetUp) => {
  open(setUp).then(
    (lane) => {
      parentPort?.on('message', (range: StreamRange | null) => void answer(lane, range));
      parentPort?.postMessage({} satisfies LaneOpened);
    },
    (error: unknown) => parentPort?.postMessage({ error: told(error) } satisfies LaneOpened),
  );
});

async function open({ databaseUrl, kek, kekPrevious, keyDir, lookup, shapes, snapshot }: LaneSetUp): Promise<Lane> {
  const secret = (value: string | undefined): Secret<string> | undefined => (value === undefined ? undefined : new Secret(value));
  const wrapper = keyWrapper({ kek: secret(kek), kekPrevious: secret(kekPrevious), keyDir });
  return openLane(new Secret(databaseUrl), { wrapper, lookup: Buffer.from(lookup) }, shapes, snapshot);
}

async function answer(lane: Lane, range: StreamRange | null): Promise<void> {
  // The port keeps the thread alive; with the sessions ended and the port closed it ends by itself.
  if (range === null) return lane.close().finally(() => parentPort?.close());
  const given: LaneAnswer = await lane.project(range).then(
    (result) => ({ result }),
    (error: unknown) => ({ error: told(error) }),
  );
  parentPort?.postMessage(given);
}

function told(error: unknown): string {
  return JSON.stringify(reduceError(error));
}
