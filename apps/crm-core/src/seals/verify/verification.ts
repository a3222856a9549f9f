import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { EVENT_ENCODING_SQL, eventHash, placeOf } from '../event-hash.js';
import { HeadsFile, readHeads } from '../heads-file.js';
import type { SignedHead } from '../seal.js';
import { SEAL_COLUMNS, sealOf, type Seal, type SealRow } from '../seal-store.js';
import type { HeadVerifier } from '../signing-key.js';
import { walkChain, type ChainSummary } from './chain.js';
import { firstDifference, isSame, type Difference, type LoggedEvent, type SealedEvent } from './comparison.js';
import { elsewhere, exchanged } from './exchange.js';
import { Tape } from './tape.js';

/** Rows fetched at once: bounds the memory of a verification, whatever the size of the log. */
const EVENTS_AT_ONCE = 2_000;
const SEALS_AT_ONCE = 50;
/** How far both sides are looked ahead to tell a missing event from an inserted one. */
const LOOK_AHEAD = 2_000;
/** A sealer at work writes the line a moment after the row. */
const LINE_WITHIN_MS = 3_000;
const LOOK_MS = 50;
/** Problems that are told; more are counted. */
const MOST_PROBLEMS = 20;

export interface Verification {
  /** Events that are what was sealed, from the first on. */
  readonly verified: number;
  readonly last: SignedHead | undefined;
  /** Events after the last sealed one; undefined when it cannot be told where that is. */
  readonly unsealed: number | undefined;
  readonly difference: Difference | undefined;
  /** The event that has changed places with the one that differs, when that is what happened. */
  readonly exchangedWith: LoggedEvent | undefined;
  readonly problems: readonly string[];
}

/** An event on the way through: its place is read from the encoding only when somebody asks. */
interface Passing {
  readonly encoding: string;
  readonly hash: Buffer;
}

/**
 * Recomputes the log on one moment's state of the database: hashes of all events in commit order, the seals' roots, the chain and its
 * signatures, and the file outside. Reads only. Throws PostgreSQL's errors.
 */
export async function verifyLog(client: ClientBase, headsFile: string, verifier: HeadVerifier): Promise<Verification> {
  // The services' own bounds are for requests.
  await client.query('SET statement_timeout = 0; SET transaction_timeout = 0; SET idle_in_transaction_session_timeout = 0');
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    const summary: ChainSummary = { problems: [], last: undefined, lastOutside: 0 };
    await client.query(
      `DECLARE events NO SCROLL CURSOR FOR SELECT ${EVENT_ENCODING_SQL} FROM es.events AS e ORDER BY e.tx_id, e.seq`,
    );
    await client.query(`DECLARE seals NO SCROLL CURSOR FOR SELECT ${SEAL_COLUMNS} FROM es.seals ORDER BY number`);
    const events = new Tape<Passing>(
      fetched(client, 'events', EVENTS_AT_ONCE, ([encoding]: readonly [string]) => passing(encoding)),
    );
    const seals = new Tape<Seal>(fetched(client, 'seals', SEALS_AT_ONCE, (row: readonly unknown[]) => sealOf(sealRow(row))));
    const find = (number: number): Promise<Seal | undefined> => findSeal(client, number);
    const sealed = new Tape(walkChain({ heads: readHeads(headsFile), seals, find, verifier }, summary));
    const { verified, difference, exchangedWith } = await compare(client, sealed, events);
    for (; (await sealed.peek()) !== undefined; sealed.advance());
    const unsealed = difference === undefined ? await count(events) : await countAfterLast(client);
    await requireLines(headsFile, summary);
    if (summary.last === undefined && (verified > 0 || (unsealed ?? 0) > 0))
      summary.problems.push('there is no head: nothing proves the log');
    return { verified, last: summary.last, unsealed, difference, exchangedWith, problems: bounded(summary.problems) };
  } finally {
    await client.query('ROLLBACK');
  }
}

async function compare(client: ClientBase, sealed: Tape<SealedEvent>, events: Tape<Passing>) {
  let verified = 0;
  for (;;) {
    const expected = sealed.ready ?? (await sealed.peek());
    if (expected === undefined) return { verified, difference: undefined, exchangedWith: undefined };
    const actual = events.ready ?? (await events.peek());
    if (actual === undefined || !isSame(expected, actual)) break;
    sealed.advance();
    events.advance();
    verified += 1;
  }
  const is = (await events.window(LOOK_AHEAD)).map(({ encoding, hash }): LoggedEvent => ({ ...placeOf(encoding), hash }));
  const difference = await elsewhere(client, firstDifference(await sealed.window(LOOK_AHEAD), is), is[0]);
  return { verified, difference, exchangedWith: await exchanged(client, difference, is) };
}

function passing(encoding: string): Passing {
  return { encoding, hash: eventHash(encoding) };
}

/** The next batch is on its way while one is worked on. */
async function* fetched<Row extends readonly unknown[], T>(
  client: ClientBase,
  cursor: string,
  size: number,
  read: (row: Row) => T,
): AsyncGenerator<readonly T[]> {
  const fetch = () => client.query<Row & unknown[]>({ text: `FETCH ${size} FROM ${cursor}`, rowMode: 'array' });
  for (let rows = (await fetch()).rows; rows.length > 0;) {
    const next = fetch();
    next.catch(() => undefined);
    yield rows.map(read);
    rows = (await next).rows;
  }
}

function sealRow(values: readonly unknown[]): SealRow {
  const names = SEAL_COLUMNS.split(',').map((name) => name.trim().split('::')[0] as string);
  return Object.fromEntries(names.map((name, index) => [name, values[index]])) as unknown as SealRow;
}

async function findSeal(client: ClientBase, number: number): Promise<Seal | undefined> {
  const { rows } = await client.query<SealRow>(`SELECT ${SEAL_COLUMNS} FROM es.seals WHERE number = $1`, [number]);
  return rows[0] === undefined ? undefined : sealOf(rows[0]);
}

async function count(events: Tape<Passing>): Promise<number> {
  for (let counted = 0; ; counted += 1) {
    if ((events.ready ?? (await events.peek())) === undefined) return counted;
    events.advance();
  }
}

/** By the word of the last seal, where the log itself is no guide any more; undefined when there is none. */
async function countAfterLast(client: ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(e.seq)::int AS count FROM (SELECT last_tx, last_seq FROM es.seals ORDER BY number DESC LIMIT 1) s
     LEFT JOIN es.events e ON (e.tx_id, e.seq) > (s.last_tx, s.last_seq) GROUP BY s.last_tx`,
  );
  return rows[0]?.count;
}

/** Seals that the database has and the file has not: written this moment, or taken away. */
async function requireLines(path: string, { last, lastOutside, problems }: ChainSummary): Promise<void> {
  if (last === undefined || last.number <= lastOutside) return;
  for (const end = Date.now() + LINE_WITHIN_MS; Date.now() < end; await sleep(LOOK_MS)) {
    const line = await new HeadsFile(path).last().catch(() => null);
    if ((line?.number ?? 0) >= last.number) return;
  }
  problems.push(`the file of heads lacks the seals ${lastOutside + 1} to ${last.number}, which the database has`);
}

function bounded(problems: readonly string[]): readonly string[] {
  if (problems.length <= MOST_PROBLEMS) return problems;
  return [...problems.slice(0, MOST_PROBLEMS), `and ${problems.length - MOST_PROBLEMS} more`];
}
