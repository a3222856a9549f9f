import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Secret } from '#kernel';
import { RebuildRefused } from './rebuild-refused.js';
import type { Lane } from './range-projection.js';
import type { KeyOrigin } from '../log/key-encryption-key.js';
import type { LaneAnswer, LaneOpened, LaneSetUp } from './rebuild.worker.js';
import type { Shapes } from './table-shape.js';

/**
 * Bound of what a lane allocates between two young collections: three semispaces of 8 MB. Left to itself Node takes up to 32 MB for
 * each, which doubles the memory of the process and makes nothing faster.
 */
const YOUNG_GENERATION_MB = 24;

/** What a thread is given to open its lane with. */
export interface LaneMeans {
  readonly databaseUrl: Secret<string>;
  readonly keyOrigin: KeyOrigin;
  /** HMAC key of exact lookup. */
  readonly lookup: Buffer;
}

/** A thread for a lane, which loads its code meanwhile. */
export interface LaneThread {
  /** Rejects when the lane cannot be opened. Once only. */
  open(means: LaneMeans, shapes: Shapes, snapshot: string): Promise<Lane>;
}

/** Starts a thread of its own for a lane (compiled code only). It keeps no process alive before it is opened. */
export function startLaneThread(): LaneThread {
  const worker = new Worker(new URL('./rebuild.worker.js', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  worker.unref();
  const ended = once(worker, 'exit').catch(() => undefined);
  const failed = new Promise<never>((_, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a lane of the rebuild ended with exit code ${code}`)));
  });
  failed.catch(() => undefined);
  return {
    async open({ databaseUrl, keyOrigin: { kek, kekPrevious, keyDir }, lookup }, shapes, snapshot) {
      worker.ref();
      // Secrets do not cross to another thread as such: they are bare on the way, within this process, and secrets again there.
      const keys = { kek: kek?.expose(), kekPrevious: kekPrevious?.expose(), keyDir, lookup };
      const opened = once(worker, 'message') as Promise<[LaneOpened]>;
      worker.postMessage({ databaseUrl: databaseUrl.expose(), ...keys, shapes, snapshot } satisfies LaneSetUp);
      const [{ error }] = await Promise.race([opened, failed]);
      if (error !== undefined) throw new RebuildRefused(`a lane was not opened: ${error}`);
      return laneOf(worker, ended, failed);
    },
  };
}

function laneOf(worker: Worker, ended: Promise<unknown>, failed: Promise<never>): Lane {
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
