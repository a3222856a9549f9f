import { performance } from 'node:perf_hooks';
import type { Round } from './rounds.js';
import { percentile } from './statistics.js';

/** Keeps so many calls going for so many seconds, each followed by the next. Rejects when one fails. */
export async function keepInFlight(one: () => Promise<unknown>, seconds: number, inFlight: number): Promise<Round> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const end = startedAt + seconds * 1000;
  const lane = async (): Promise<void> => {
    for (let before = performance.now(); before < end;) {
      await one();
      const after = performance.now();
      latencies.push(after - before);
      before = after;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const perSecond = latencies.length / ((performance.now() - startedAt) / 1000);
  return { perSecond, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}
