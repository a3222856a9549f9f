import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { createAppendEach, createAppendOne, createEventStore, EventStore, NO_STREAM } from '#event-store';
import { answerWith } from '../child-process.js';
import { keepInFlight } from '../in-flight.js';
import type { Round } from '../rounds.js';

/** Writes one new stream's first event, of about a contact's size, and resolves when it is committed. */
type Write = () => Promise<unknown>;

/** What is used of Emmett 0.42; a development dependency that may be missing. */
interface Emmett {
  getPostgreSQLEventStore(connectionString: string): {
    appendToStream(stream: string, events: ReadonlyArray<{ type: string; data: object }>): Promise<unknown>;
  };
}
const EMMETT = '@event-driven-io/emmett-postgresql';

const SCHEMA = `CREATE TABLE IF NOT EXISTS raw_events (
  id uuid PRIMARY KEY, stream text NOT NULL, version integer NOT NULL, type text NOT NULL, data jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp())`;
const INSERT = 'INSERT INTO raw_events (id, stream, version, type, data) VALUES ($1, $2, 1, $3, $4)';
const TYPE = 'ContactCreated';
const data = (): object => ({
  ...{ name: 'Иван Петров', phones: [{ id: uuidv7(), label: null, sealed: 'x'.repeat(220) }] },
  ...{ emails: [{ id: uuidv7(), label: null, sealed: 'x'.repeat(220) }], note: null, tags: [], responsibleId: uuidv7() },
});

let write: Write | undefined;

/** One row, one prepared statement, one commit: the least that is durable. */
async function openRaw({ databaseUrl }: { readonly databaseUrl: string }): Promise<boolean> {
  const pool = new Pool({ connectionString: databaseUrl, max: 32 });
  pool.on('error', () => undefined);
  await pool.query(SCHEMA);
  write = () => {
    const id = uuidv7();
    return pool.query({ name: 'insert', text: INSERT, values: [id, `contact-${id}`, TYPE, JSON.stringify(data())] });
  };
  return true;
}

/** The log's own append, in a schema `es` of this database: one event into a new stream. */
async function openStore({ databaseUrl }: { readonly databaseUrl: string }): Promise<boolean> {
  const pool = new Pool({ connectionString: databaseUrl, max: 32, pipeline: true });
  pool.on('error', () => undefined);
  await pool.query('CREATE SCHEMA IF NOT EXISTS es');
  const db = new Kysely<never>({ dialect: new PostgresDialect({ pool }) });
  await createEventStore(db);
  await createAppendOne(db);
  await createAppendEach(db);
  const store = new EventStore(pool);
  write = () => {
    const [id, commandId] = [uuidv7(), uuidv7()];
    const ids = { actorId: null, sessionId: null, tokenId: null, commandId, correlationId: commandId, causationId: null };
    const metadata = { ...ids, ip: '192.0.2.1', at: '2026-01-01T00:00:00.000Z' };
    const event = { id, type: TYPE, schemaVersion: 1, data: data(), metadata };
    return store.append({ streams: [{ stream: `contact-${id}`, expected: NO_STREAM, events: [event] }] });
  };
  return true;
}

/** False when the package is not installed. */
async function openEmmett({ databaseUrl }: { readonly databaseUrl: string }): Promise<boolean> {
  const emmett = (await import(EMMETT).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  })) as Emmett | undefined;
  if (emmett === undefined) return false;
  const store = emmett.getPostgreSQLEventStore(databaseUrl);
  write = () => store.appendToStream(`contact-${uuidv7()}`, [{ type: TYPE, data: data() }]);
  await write();
  return true;
}

/** Keeps `inFlight` writes going for so many seconds. Rejects when one fails. */
async function run({ seconds, inFlight }: { readonly seconds: number; readonly inFlight: number }): Promise<Round> {
  if (write === undefined) throw new Error('nothing to write to');
  return keepInFlight(write, seconds, inFlight);
}

answerWith({ openStore, openRaw, openEmmett, run });
