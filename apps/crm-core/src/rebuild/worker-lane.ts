import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { RebuildRefused } from './rebuild-refused.js';
import type { Lane } from './range-projection.js';
import type { LaneAnswer } from './rebuild.worker.js';

/** A lane in a thread of its own (compiled code only). Rejects when it cannot be opened. */
export async function openWorkerLane(snapshot: string): Promise<Lane> {
  const worker = new Worker(new URL('./rebuild.worker.js', import.meta.url), { workerData: { snapshot } });
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
