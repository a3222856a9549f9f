/**
 * The spool's own thread: SQLite is synchronous, and a flush of the disk must not hold up the open port. This file is loaded as a
 * thread also straight from its source, so it imports nothing but Node and types.
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type {
  NewLead,
  SpoolCall,
  SpoolFault,
  SpoolOperations,
  SpoolReply,
  SpoolThreadOptions,
  StoreOutcome,
  WaitingLead,
} from './spool.protocol.js';

const PAGE_BYTES = 4096;
/** Checkpoint after 400 pages (1.6 MB): what a full disk makes wait in the log stays well below the reserve. */
const CHECKPOINT_PAGES = 400;
/** Sealed bytes of one portion read for sending, about. */
const READ_BYTES = 2 * 1024 * 1024;
/** Free pages that stay in the file for the next leads (1 MB). */
const KEPT_FREE_PAGES = 256;
/** Result codes of sqlite.org/rescode.html: the low byte is the primary one. */
const SQLITE_FULL = 13;
const SQLITE_IOERR_WRITE = 778;
/** Moves the log into the database and gives its space back (sqlite.org/pragma.html#pragma_wal_checkpoint). */
const WRITE_BACK = 'PRAGMA wal_checkpoint(TRUNCATE)';
const RESERVE_BLOCK = Buffer.alloc(64 * 1024);

/** `leads` is the queue; `receipts` remember keyed submissions after the lead itself has gone. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS leads (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    lead_id TEXT NOT NULL, form_id TEXT NOT NULL, received_at TEXT NOT NULL, sealed TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS receipts (
    lead_id TEXT PRIMARY KEY, body_mac BLOB NOT NULL, received_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS receipts_by_time ON receipts (received_at);
  CREATE TABLE IF NOT EXISTS sealed_settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
`;

const options = workerData as SpoolThreadOptions;
const reservePath = join(options.dir, 'spool.reserve');
const database = openDatabase();
const statements = prepareStatements(database);
let hasReserve = false;
keepReserve();

/** WAL with synchronous FULL: every commit is flushed before it returns. The exclusive lock keeps a second process out. */
function openDatabase(): DatabaseSync {
  const path = join(options.dir, 'spool.db');
  closeSync(openSync(path, 'a', 0o600));
  const opened = new DatabaseSync(path);
  opened.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${CHECKPOINT_PAGES * PAGE_BYTES};`);
  if (options.maxBytes !== null) opened.exec(`PRAGMA max_page_count = ${Math.floor(options.maxBytes / PAGE_BYTES)};`);
  opened.exec(SCHEMA);
  const directory = openSync(options.dir, 'r');
  fsyncSync(directory);
  closeSync(directory);
  return opened;
}

function prepareStatements(db: DatabaseSync) {
  return {
    remember: db.prepare('INSERT INTO receipts (lead_id, body_mac, received_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    receipt: db.prepare('SELECT body_mac FROM receipts WHERE lead_id = ?'),
    enqueue: db.prepare('INSERT INTO leads (lead_id, form_id, received_at, sealed) VALUES (?, ?, ?, ?)'),
    waiting: db.prepare(
      'SELECT seq, lead_id AS "leadId", form_id AS "formId", received_at AS "receivedAt", sealed FROM leads WHERE seq > ? ORDER BY seq LIMIT ?',
    ),
    forget: db.prepare('DELETE FROM leads WHERE seq = ?'),
    expire: db.prepare('DELETE FROM receipts WHERE received_at < ?'),
    load: db.prepare('SELECT value FROM sealed_settings WHERE name = ?'),
    save: db.prepare(
      'INSERT INTO sealed_settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    ),
    first: db.prepare('SELECT 1 FROM leads LIMIT 1'),
    freePages: db.prepare('PRAGMA freelist_count'),
    count: db.prepare('SELECT count(*) AS waiting FROM leads'),
  };
}

type Handlers = {
  readonly [Name in keyof SpoolOperations]: (input: SpoolOperations[Name]['input']) => SpoolOperations[Name]['output'];
};
const handlers: Handlers = {
  store: (leads) => withRoomMade(() => transaction(() => leads.map(storeLead))),
  waiting: ({ afterSeq, limit }) => readWaiting(afterSeq, limit),
  forget: (seqs) => {
    const forgotten = withReserve(() =>
      transaction(() => seqs.reduce((sum, seq) => sum + Number(statements.forget.run(seq).changes), 0)),
    );
    if (statements.first.get() === undefined) shrink();
    return forgotten;
  },
  expire: ({ receivedBefore }) => withReserve(() => Number(statements.expire.run(receivedBefore).changes)),
  load: (name) => (statements.load.get(name)?.['value'] as Uint8Array | undefined) ?? null,
  save: ({ name, value }) => {
    statements.save.run(name, value);
    return null;
  },
  count: () => Number(statements.count.get()?.['waiting'] ?? 0),
  close: () => {
    database.close();
    return null;
  },
};

/** One lead inside the batch's transaction; the receipt decides whether it is the first of its key. */
function storeLead(lead: NewLead): StoreOutcome {
  if (lead.signed !== null && receiptOf(lead.signed.id, lead.signed.mac, lead.receivedAt) === 'reused') return 'reused';
  if (lead.bodyMac !== null) {
    const receipt = receiptOf(lead.leadId, lead.bodyMac, lead.receivedAt);
    if (receipt !== 'stored') return receipt;
  }
  statements.enqueue.run(lead.leadId, lead.formId, lead.receivedAt, lead.sealed);
  return 'stored';
}

/** Remembers a MAC under an id: for the first time, again, or another one than before. */
function receiptOf(id: string, mac: Uint8Array, receivedAt: string): StoreOutcome {
  if (statements.remember.run(id, mac, receivedAt).changes > 0) return 'stored';
  return sameBody(id, mac) ? 'repeated' : 'reused';
}

/** Large leads come in smaller portions, so that a backlog of them costs no memory. */
function readWaiting(afterSeq: number, limit: number): WaitingLead[] {
  const leads: WaitingLead[] = [];
  let bytes = 0;
  for (const row of statements.waiting.iterate(afterSeq, limit)) {
    const lead = row as unknown as WaitingLead;
    leads.push(lead);
    bytes += lead.sealed.length;
    if (bytes >= READ_BYTES) break;
  }
  return leads;
}

function sameBody(leadId: string, bodyMac: Uint8Array): boolean {
  const stored = statements.receipt.get(leadId)?.['body_mac'] as Uint8Array | undefined;
  return stored !== undefined && Buffer.compare(stored, bodyMac) === 0;
}

function transaction<T>(work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Room freed inside the database is of no use to its log, which must grow first: so all of it goes back to the disk, and one more try. */
function withRoomMade<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (faultOf(error) !== 'full') throw error;
    withReserve(() => {
      database.exec(WRITE_BACK);
      giveBack(0);
    });
    return work();
  }
}

/** After the last lead has gone. The leads are forgotten whether or not the file shrinks; it is tried again with the next ones. */
function shrink(): void {
  try {
    withReserve(() => giveBack(KEPT_FREE_PAGES));
  } catch (error) {
    if (faultOf(error) !== 'full') throw error;
  }
}

/** Shrinks the file by its free pages but `kept`: what a long outage filled is the disk's again once core has it. */
function giveBack(kept: number): void {
  const free = Number(statements.freePages.get()?.['freelist_count'] ?? 0);
  if (free <= 2 * kept) return;
  database.exec(`PRAGMA incremental_vacuum(${free - kept}); ${WRITE_BACK};`);
}

/** What makes room needs a little first: on a full disk the reserve gives it, and is put aside again afterwards. */
function withReserve<T>(work: () => T): T {
  try {
    const result = work();
    if (!hasReserve) keepReserve();
    return result;
  } catch (error) {
    if (!hasReserve || faultOf(error) !== 'full') throw error;
    rmSync(reservePath, { force: true });
    hasReserve = false;
    const result = work();
    database.exec(WRITE_BACK);
    keepReserve();
    return result;
  }
}

/** Writes real bytes, as a file with holes holds no space. On a full disk there is no reserve until there is room again. */
function keepReserve(): void {
  const file = openSync(reservePath, 'w', 0o600);
  try {
    for (let written = 0; written < options.reserveBytes;) written += writeSync(file, RESERVE_BLOCK);
    fsyncSync(file);
    hasReserve = true;
  } catch {
    hasReserve = false;
  }
  closeSync(file);
  if (!hasReserve) rmSync(reservePath, { force: true });
}

function sqliteCodeOf(error: unknown): number {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' ? code : 0;
}

function faultOf(error: unknown): SpoolFault {
  const code = sqliteCodeOf(error);
  return (code & 0xff) === SQLITE_FULL || code === SQLITE_IOERR_WRITE ? 'full' : 'failed';
}

function answer({ id, name, input }: SpoolCall): SpoolReply {
  try {
    return { id, output: (handlers[name] as (input: unknown) => unknown)(input) };
  } catch (error) {
    return { id, fault: faultOf(error), sqliteCode: sqliteCodeOf(error) };
  }
}

parentPort?.on('message', (call: SpoolCall) => {
  parentPort?.postMessage(answer(call));
  if (call.name === 'close') parentPort?.close();
});
