import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { answerWith } from '../child-process.js';
import type { Round } from '../rounds.js';
import { percentile } from '../statistics.js';
import type { HttpLoad, LoadRequest } from './http-load.js';

/** What is used of autocannon 9, which brings no types: an emitter that is also a promise of the end. */
type Run = EventEmitter & PromiseLike<{ readonly errors: number; readonly timeouts: number }>;
type Autocannon = (options: {
  readonly url: string;
  readonly connections: number;
  readonly duration: number;
  readonly sampleInt: number;
  readonly setupClient: (client: { setRequests(requests: readonly LoadRequest[]): void }) => void;
}) => Run;

const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon;
/** autocannon looks whether its time is up once in so many milliseconds. */
const LOOKS_EVERY_MS = 50;

/**
 * Keeps one request in flight on each connection. Latencies are taken from each response, as autocannon's own histogram has whole
 * milliseconds only. Throws when any answer had another status than the one expected, with the counts by status.
 */
async function run({ url, connections, seconds, requests, expectedStatus }: HttpLoad): Promise<Round> {
  const latencies: number[] = [];
  const unexpected = new Map<number, number>();
  let client = 0;
  const work = autocannon({
    ...{ url, connections, duration: seconds, sampleInt: LOOKS_EVERY_MS },
    setupClient: (made) => {
      made.setRequests((requests[client % requests.length] as readonly LoadRequest[]).map((request) => ({ ...request })));
      client += 1;
    },
  });
  const startedAt = performance.now();
  let lastAt = startedAt;
  work.on('response', (_client: unknown, status: number, _bytes: number, milliseconds: number) => {
    lastAt = performance.now();
    if (status === expectedStatus) latencies.push(milliseconds);
    else unexpected.set(status, (unexpected.get(status) ?? 0) + 1);
  });
  const { errors } = await work;
  if (unexpected.size > 0 || errors > 0 || latencies.length === 0) {
    const counts = [...unexpected].map(([status, count]) => `${count} × ${status}`).join(', ');
    throw new Error(
      `a round is void: ${latencies.length} × ${expectedStatus}, ${counts || 'no other'}; ${errors} without an answer`,
    );
  }
  return {
    perSecond: latencies.length / ((lastAt - startedAt) / 1000),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

answerWith({ run });
