import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Secret } from '#kernel';
import { RebuildRefused } from './rebuild-refused.js';
import type { Lane } from './range-projection.js';
import type { KeyOrigin } from '../log/key-encryption-key.js';
import type { LaneAnswer, LaneSetUp } from './rebuild.worker.js';
import type { Shapes } from './table-shape.js';

/** What a thread is given to open its lane with. */
export interface LaneMeans {
  readonly databaseUrl: Secret<string>;
  readonly keyOrigin: KeyOrigin;
  /** HMAC key of exact lookup. */
  readonly lookup: Buffer;
}

/** A lane in a thread of its own (compiled code only). Rejects when it cannot be opened. */
export async function openWorkerLane(
  { databaseUrl, keyOrigin: { kek, kekPrevious, keyDir }, lookup }: LaneMeans,
  shapes: Shapes,
  snapshot: string,
): Promise<Lane> {
  // Secrets do not cross to another thread as such: they are bare on the way, within this process, and secrets again there.
  const keys = { kek: kek?.expose(), kekPrevious: kekPrevious?.expose(), keyDir, lookup };
  const setUp: LaneSetUp = { databaseUrl: databaseUrl.expose(), ...keys, shapes, snapshot };
  const worker = new Worker(new URL('./rebuild.worker.js', import.meta.url), { workerData: setUp });
  const ended = once(worker, 'exit');
  const failed = new Promise<never>((_, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a lane of the rebuild ended with exit code ${code}`)));
  });
  failed.catch(() => undefined);
  await Promise.race([once(worker, 'message'), failed]);
  return {
    async project(range) {
      const answer = once(worker, 'message') as Promise<[LaneAnswer]>;
      worker.postMessage(range);
      const [given] = await Promise.race([answer, failed]);
      if ('error' in given) throw new RebuildRefused(`a lane failed: ${given.error}`);
      return given.result;
    },
    async close() {
      worker.postMessage(null);
      worker.unref();
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
      await worker.terminate();
    },
  };
}
