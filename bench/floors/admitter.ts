import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { Pool } from 'pg';
import {
  admitEachStatement,
  admitStatement,
  inOrder,
  type GateAnswer,
  type Asking,
  type GateStatement,
  type PlacedAnswer,
} from '#contracts';
import { Batches } from '#platform';
import { answerWith } from '../child-process.js';
import { keepInFlight } from '../in-flight.js';
import type { Round } from '../rounds.js';

const CONNECTIONS = 32;
const FLEXIBLE = 'rate-limiter-flexible';
const CARDS = Array.from({ length: 200 }, () => randomUUID());

interface Opened {
  readonly databaseUrl: string;
  readonly people: readonly string[];
}

/** What is used of rate-limiter-flexible; a development dependency that may be missing. */
interface Flexible {
  readonly RateLimiterPostgres: new (
    options: Readonly<Record<string, unknown>>,
    ready: (error?: Error) => void,
  ) => { consume(key: string): Promise<unknown> };
}

let one: (() => Promise<unknown>) | undefined;
const poolOf = (databaseUrl: string): Pool => {
  const pool = new Pool({ connectionString: databaseUrl, max: CONNECTIONS });
  pool.on('error', () => undefined);
  return pool;
};

function takingTurns<T>(values: readonly T[]): () => T {
  let next = 0;
  return () => values[next++ % values.length] as T;
}

/** The gate as the gateway asks it: who comes while others are on their way goes with them. Every answer must be this one. */
async function openGate({ databaseUrl, people, expected }: Opened & { readonly expected: string }): Promise<void> {
  const pool = poolOf(databaseUrl);
  const query = async (statement: GateStatement): Promise<PlacedAnswer[]> => {
    const { rows } = await pool.query<PlacedAnswer>({ ...statement, values: [...statement.values] });
    return rows;
  };
  const gate = new Batches<Asking, GateAnswer>({
    alone: async (asked) => (await query(admitStatement(asked)))[0] as GateAnswer,
    together: async (asked) => inOrder(asked, await query(admitEachStatement(asked))),
  });
  const person = takingTurns(people);
  let opened = 0;
  one = async () => {
    const request = randomUUIDv7();
    // Each person goes through the cards, as people do: the next one is another.
    const card = CARDS[(opened * 37 + Math.floor(opened / people.length)) % CARDS.length] as string;
    opened += 1;
    const { decision } = await gate.ask({
      ...{ viewer: person(), measure: 'contact.opened', kind: 'card', subjectType: 'contact', subjects: [card] },
      ...{ request, session: request, token: null, ip: '192.0.2.1', masked: true },
    });
    if (decision !== expected) throw new Error(`the gate answered ${decision}`);
  };
}

/** Uses a limit up: afterwards the person is refused. */
async function exhaust({ databaseUrl, people, openings }: Opened & { readonly openings: number }): Promise<void> {
  const pool = poolOf(databaseUrl);
  for (const person of people) {
    for (let opened = 0; opened < openings; opened += 1) {
      await pool.query(
        `SELECT watch.admit($1, 'contact.opened', 'card', 'contact', ARRAY[gen_random_uuid()], $2, NULL, NULL, NULL, true)`,
        [person, randomUUIDv7()],
      );
    }
  }
  await pool.end();
}

/** A counter for each person and hour, in the same database. False when the package is not installed. */
async function openFlexible({ databaseUrl, people }: Opened): Promise<boolean> {
  const flexible = (await import(FLEXIBLE).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  })) as Flexible | undefined;
  if (flexible === undefined) return false;
  const person = takingTurns(people);
  const options = {
    storeClient: poolOf(databaseUrl),
    storeType: 'pool',
    tableName: 'flexible',
    points: 1_000_000,
    duration: 3_600,
  };
  const limiter = await new Promise<InstanceType<Flexible['RateLimiterPostgres']>>((resolve, reject) => {
    const made = new flexible.RateLimiterPostgres(options, (error) => (error === undefined ? resolve(made) : reject(error)));
  });
  one = () => limiter.consume(person());
  return true;
}

/** A prepared INSERT of a row of about a disclosure's size, with one index. */
async function openRaw({ databaseUrl, people }: Opened): Promise<void> {
  const pool = poolOf(databaseUrl);
  await pool.query(`CREATE TABLE IF NOT EXISTS raw_views (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    user_id uuid NOT NULL, measure text NOT NULL, kind text NOT NULL, subject_ids uuid[] NOT NULL, request_id uuid NOT NULL,
    session_id uuid NOT NULL, ip text NOT NULL)`);
  const [person, card] = [takingTurns(people), takingTurns(CARDS)];
  const text = `INSERT INTO raw_views (id, user_id, measure, kind, subject_ids, request_id, session_id, ip)
    VALUES ($1, $2, 'contact.opened', 'card', ARRAY[$3::uuid], $1, $1, '192.0.2.1')`;
  one = () => pool.query({ name: 'raw', text, values: [randomUUIDv7(), person(), card()] });
}

async function run({ seconds, inFlight }: { readonly seconds: number; readonly inFlight: number }): Promise<Round> {
  if (one === undefined) throw new Error('nothing to ask');
  return keepInFlight(one, seconds, inFlight);
}

answerWith({ openGate, exhaust, openFlexible, openRaw, run });
