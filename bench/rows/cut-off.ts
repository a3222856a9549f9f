import { setTimeout as sleep } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import { BenchSystem } from '../system.js';
import { CompanyBuilder, type Person } from '../company.js';
import { compare, type Bench, type Measurement } from '../measurement.js';
import { summarise } from '../statistics.js';
import type { Side, SideResult } from '../rounds.js';

const GATEWAYS = 2;
/** People cut off in a round, one after another. */
const PEOPLE = 20;
/** Cards that a person may open; the next one cuts him off. */
const FEW = 3;
const GOAL_MS = 50;
/** A stream that is not ended by then never ends. */
const WITHIN_MS = 10_000;

/**
 * From the answer that refuses a card to the end of the person's live stream at each of two gateways, and to the first refusal of
 * everything else at each: the last moment at which something might still be shown. A card that is served after it fails the bench.
 */
export async function cutOff(bench: Bench): Promise<Measurement[]> {
  const system = await BenchSystem.prepare({ gateways: GATEWAYS });
  bench.atTheEnd(() => system.stop());
  await system.start();
  const builder = new CompanyBuilder(system);
  await builder.signIn();
  const cards = await builder.watched(FEW);
  const side: Side = {
    name: 'ours',
    run: async () => {
      const times: number[] = [];
      for (let cut = 0; cut < PEOPLE; cut += 1) times.push(await timeOf(system, await builder.person(), cards));
      const sorted = times.toSorted((left, right) => left - right);
      const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
      return { perSecond: 1_000 / at(0.5), p50: at(0.5), p99: at(0.99) };
    },
  };
  const [ours] = await bench.measure([side], { wholeRuns: true });
  if (ours === undefined) throw new Error('no rounds');
  const goal: SideResult = { ...ours, name: 'overshoot 0, and at most', rounds: [], p99: summarise([GOAL_MS]) };
  return [
    {
      ...{ name: 'cutoff', title: `from a refusal to every door closed, ${GATEWAYS} gateways, p99 in ms`, ours },
      comparisons: [compare(ours, goal, { figure: 'p99', is: 'most', value: 1 })],
    },
  ];
}

/** Milliseconds from a person's refusal to the last door that closed. */
async function timeOf({ gatewayUrls }: BenchSystem, { token }: Person, cards: readonly string[]): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  const streams = await Promise.all(gatewayUrls.map((url) => openStream(`${url}/v1/events/stream`, headers)));
  const open = async (url: string, card: string): Promise<number> => {
    const response = await fetch(`${url}/v1/contacts/${card}`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  const [first = ''] = gatewayUrls;
  for (const card of cards.slice(0, FEW))
    if ((await open(first, card)) !== 200) throw new Error('a card within the limit is refused');
  const refusal = await open(first, cards[FEW] as string);
  const refusedAt = performance.now();
  if (refusal !== 403) throw new Error(`the card past the limit answers ${refusal}`);
  const probes = gatewayUrls.map(async (url) => {
    const statuses = await Promise.all([open(url, cards[0] as string), open(url, cards[FEW] as string)]);
    if (statuses.includes(200)) throw new Error('a card was shown after the refusal');
  });
  await Promise.all([...probes, ...streams.map(({ ended }) => ended)]);
  return Math.max(...streams.map((stream) => stream.endedAt)) - refusedAt;
}

interface OpenStream {
  readonly ended: Promise<void>;
  /** By the clock of `performance`. */
  endedAt: number;
}

async function openStream(url: string, headers: Readonly<Record<string, string>>): Promise<OpenStream> {
  const response = await fetch(url, { headers });
  if (response.status !== 200 || response.body === null) throw new Error(`the live stream answers ${response.status}`);
  const reader = response.body.getReader();
  // Its first words: from now on it is one of those that a cut-off has to find.
  await reader.read();
  const stream: { ended: Promise<void>; endedAt: number } = { ended: Promise.resolve(), endedAt: 0 };
  const read = async (): Promise<void> => {
    for (;;) {
      const { done } = await reader.read().catch(() => ({ done: true }));
      if (done) return void (stream.endedAt = performance.now());
    }
  };
  stream.ended = Promise.race([
    read(),
    sleep(WITHIN_MS, undefined, { ref: false }).then(() => {
      throw new Error('a live stream did not end');
    }),
  ]);
  return stream;
}
