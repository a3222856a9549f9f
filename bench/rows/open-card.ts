import { BenchProcess } from '../child-process.js';
import type { Company } from '../company.js';
import type { LoadRequest } from '../load/http-load.js';
import { compare, CONNECTIONS, type Bench, type Measurement } from '../measurement.js';
import type { Side } from '../rounds.js';

/** Enough that neither side is asked for the same few rows, and little enough to be built before a round begins. */
const REQUESTS_A_CONNECTION = 250;

/**
 * Opening a card through the whole path, beside one Fastify route with one SELECT of the same rows; at 32 connections and at one. Then
 * the same in the company grown to many roles and departments, beside what it was before.
 */
export async function openCard(bench: Bench): Promise<Measurement[]> {
  const company = await bench.company();
  const floor = new BenchProcess('floors/card-floor.js');
  bench.atTheEnd(() => floor.stop());
  const databaseUrl = bench.system.connections.database.gateway;
  const floorUrl = await floor.ask<string>('listen', { databaseUrl }, 10_000);
  const opened = openings(company);
  const sides = (connections: number): Side[] => [
    side(bench, 'ours', bench.system.gatewayUrl, opened, connections),
    side(
      bench,
      'Fastify, one SELECT',
      floorUrl,
      opened.map((list) => list.map(onFloor)),
      connections,
    ),
  ];
  const [many, manyFloor] = await bench.measure(sides(CONNECTIONS));
  const [alone, aloneFloor] = await bench.measure(sides(1));
  if (many === undefined || manyFloor === undefined || alone === undefined || aloneFloor === undefined)
    throw new Error('no rounds');
  await bench.builder.grow(company);
  const [grown] = await bench.measure(sides(CONNECTIONS));
  if (grown === undefined) throw new Error('no rounds');
  const before = { ...many, name: 'as before' };
  return [
    {
      ...{ name: 'card', title: `open a card, ${CONNECTIONS} connections, requests/s`, ours: many },
      comparisons: [compare(many, manyFloor, { figure: 'perSecond', is: 'least', value: 0.5 })],
    },
    {
      ...{ name: 'card-alone', title: 'open a card, 1 connection, p50 in ms', ours: alone },
      comparisons: [compare(alone, aloneFloor, { figure: 'p50', is: 'most', value: 3 })],
    },
    {
      ...{ name: 'card-grown', title: 'open a card, 200 roles, 300 departments, requests/s', ours: grown },
      comparisons: [compare(grown, before, { figure: 'perSecond', is: 'least', value: 0.9 })],
    },
  ];
}

function side(
  { load }: Bench,
  name: string,
  url: string,
  requests: ReadonlyArray<readonly LoadRequest[]>,
  connections: number,
): Side {
  // One connection goes through what all would, person after person.
  const lists = connections === 1 ? [requests.flatMap((list) => list.slice(0, 16))] : requests;
  return { name, run: (seconds) => load.run({ url, connections, seconds, requests: lists, expectedStatus: 200 }) };
}

/** Each person works on one connection only, as people do, and opens what his department has. */
function openings({ managers, contacts }: Company): LoadRequest[][] {
  return Array.from({ length: CONNECTIONS }, (_, connection) => {
    const own = managers.filter((_manager, index) => index % CONNECTIONS === connection);
    return Array.from({ length: REQUESTS_A_CONNECTION }, (_request, index): LoadRequest => {
      const { token, department } = own[index % own.length] as (typeof own)[number];
      const cards = contacts[department] as readonly string[];
      // A step that shares no factor with the number of cards meets each of them before any comes again.
      const id = cards[(connection * 31 + index * 37) % cards.length];
      return { method: 'GET', path: `/v1/contacts/${id}`, headers: { authorization: `Bearer ${token}` } };
    });
  });
}

function onFloor({ path, ...request }: LoadRequest): LoadRequest {
  return { ...request, path: path.replace('/v1/contacts/', '/cards/') };
}
