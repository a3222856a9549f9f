import { Client } from 'pg';
import { BenchProcess } from '../child-process.js';
import { contactBody, type Manager } from '../company.js';
import type { LoadRequest } from '../load/http-load.js';
import { compare, CONNECTIONS, type Bench, type Comparison, type Goal, type Measurement } from '../measurement.js';
import type { Round, Side } from '../rounds.js';

const REQUESTS_A_CONNECTION = 100;
/** Beyond the numbers of the contacts that the company began with. */
const FIRST_SERIAL = 1_000_000;
const EMMETT = 'emmett-postgresql append';
const EMMETT_GOAL: Goal = { figure: 'perSecond', is: 'least', value: 1 };

/** Creating contacts through HTTP, beside what writes the same amount in fewer words: a bare INSERT, and Emmett's append. */
export async function createContact(bench: Bench): Promise<Measurement[]> {
  const { managers } = await bench.company();
  const databaseUrl = await ownDatabase(bench.system.connections.database.superuser, 'bench');
  const raw = await writer(bench, 'raw INSERT', 'openRaw', databaseUrl);
  const emmett = await writer(bench, EMMETT, 'openEmmett', databaseUrl);
  if (raw === undefined) throw new Error('nothing to compare with');
  const [ours, rawResult, emmettResult] = await bench.measure([creates(bench, managers), raw, ...(emmett ? [emmett] : [])]);
  if (ours === undefined || rawResult === undefined) throw new Error('no rounds');
  const beside: Comparison =
    emmettResult === undefined
      ? { against: EMMETT, goal: EMMETT_GOAL, why: 'not installed' }
      : compare(ours, emmettResult, EMMETT_GOAL);
  return [
    {
      ...{ name: 'command', title: `create a contact, ${CONNECTIONS} in flight, contacts/s`, ours },
      comparisons: [compare(ours, rawResult, { figure: 'perSecond', is: 'least', value: 0.3 }), beside],
    },
  ];
}

function creates({ load, system }: Bench, managers: readonly Manager[]): Side {
  let serial = FIRST_SERIAL;
  const request = (connection: number, index: number): LoadRequest => {
    const { token } = managers[(connection + index * CONNECTIONS) % managers.length] as Manager;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    serial += 1;
    return { method: 'POST', path: '/v1/contacts', headers, body: JSON.stringify(contactBody(serial)) };
  };
  const requests = () =>
    Array.from({ length: CONNECTIONS }, (_, connection) =>
      Array.from({ length: REQUESTS_A_CONNECTION }, (_request, index) => request(connection, index)),
    );
  return {
    name: 'ours',
    run: (seconds) =>
      load.run({ url: system.gatewayUrl, connections: CONNECTIONS, seconds, requests: requests(), expectedStatus: 201 }),
  };
}

/** Undefined when what it takes is not installed. */
export async function writer(bench: Bench, name: string, open: string, databaseUrl: string): Promise<Side | undefined> {
  const made = new BenchProcess('floors/writer.js');
  bench.atTheEnd(() => made.stop());
  if (!(await made.ask<boolean>(open, { databaseUrl }, 30_000))) return undefined;
  return {
    name,
    run: (seconds) => made.ask<Round>('run', { seconds, inFlight: CONNECTIONS }, seconds * 1000 + 30_000),
  };
}

/** A database of the bench's own on the same server; its URL. */
export async function ownDatabase(superuserUrl: string, name: string): Promise<string> {
  const client = new Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  const url = new URL(superuserUrl);
  url.pathname = `/${name}`;
  return url.href;
}
