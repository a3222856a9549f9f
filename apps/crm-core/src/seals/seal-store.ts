import type { Pool } from 'pg';
import { EVENT_ENCODING_SQL } from './event-hash.js';
import { printsOf, type OutsideHead } from './heads-file.js';
import type { SignedHead } from './seal.js';

/** A place in commit order (`#event-store`); both as decimal texts. */
export interface SealPosition {
  readonly txId: string;
  readonly seq: string;
}

/** A row of `es.seals`. */
export interface Seal extends SignedHead {
  readonly first: SealPosition;
  readonly last: SealPosition;
  readonly ids: readonly string[];
  /** 32 bytes an event, in the order of `ids`. */
  readonly hashes: Buffer;
}

export interface EventToSeal {
  readonly position: SealPosition;
  readonly id: string;
  /** Of `EVENT_ENCODING_SQL`. */
  readonly encoding: string;
}

/** What stands before the first event. */
export const LOG_START: SealPosition = { txId: '0', seq: '0' };

export interface SealRow {
  number: number;
  first_tx: string;
  first_seq: number;
  last_tx: string;
  last_seq: number;
  event_ids: string[];
  event_hashes: Buffer;
  total: number;
  root: Buffer;
  previous_head: Buffer;
  head: Buffer;
  signature: Buffer;
  key_id: string;
  sealed_at: Date;
}
export const SEAL_COLUMNS = `number, first_tx::text, first_seq, last_tx::text, last_seq, event_ids, event_hashes, total, root, previous_head,
  head, signature, key_id, sealed_at`;

/** A row of `es.seals` as a seal. */
export function sealOf(row: SealRow): Seal {
  return {
    number: Number(row.number),
    first: { txId: row.first_tx, seq: String(row.first_seq) },
    last: { txId: row.last_tx, seq: String(row.last_seq) },
    ids: row.event_ids,
    hashes: row.event_hashes,
    events: row.event_ids.length,
    total: Number(row.total),
    root: row.root,
    previousHead: row.previous_head,
    head: row.head,
    signature: row.signature,
    keyId: row.key_id,
    sealedAt: row.sealed_at.toISOString(),
  };
}

/** A seal as it stands outside. */
export function outsideOf({ ids: _ids, hashes, first: _first, last: _last, ...head }: Seal): OutsideHead {
  return { ...head, prints: printsOf(hashes) };
}

export interface Waiting {
  readonly events: number;
  /** ISO 8601; null when nothing waits. */
  readonly firstAt: string | null;
  /** The oldest transaction still open, decimal text; null when there is none. */
  readonly gate: string | null;
}

/** The seals in the database and the events before them. */
export class SealStore {
  constructor(private readonly pool: Pool) {}

  async last(): Promise<Seal | undefined> {
    const { rows } = await this.pool.query<SealRow>(`SELECT ${SEAL_COLUMNS} FROM es.seals ORDER BY number DESC LIMIT 1`);
    return rows[0] === undefined ? undefined : sealOf(rows[0]);
  }

  async find(number: number): Promise<Seal | undefined> {
    return (await this.after(number - 1, 1)).find((seal) => seal.number === number);
  }

  /** Seals with numbers above `number`, in order. */
  async after(number: number, limit: number): Promise<readonly Seal[]> {
    const text = `SELECT ${SEAL_COLUMNS} FROM es.seals WHERE number > $1 ORDER BY number LIMIT $2`;
    const { rows } = await this.pool.query<SealRow>({ name: 'seals-after', text, values: [number, limit] });
    return rows.map(sealOf);
  }

  /** Puts a seal into the chain. The number is taken once: of two sealers the second gets PostgreSQL's 23505, and nothing stands. */
  async insert(seal: Seal): Promise<void> {
    await this.pool.query({
      name: 'seal-insert',
      text: `INSERT INTO es.seals (number, first_tx, first_seq, last_tx, last_seq, event_ids, event_hashes, total, root, previous_head, head,
               signature, key_id, sealed_at)
             VALUES ($1, $2::text::xid8, $3, $4::text::xid8, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      values: [
        ...[seal.number, seal.first.txId, seal.first.seq, seal.last.txId, seal.last.seq, seal.ids, seal.hashes, seal.total],
        ...[seal.root, seal.previousHead, seal.head, seal.signature, seal.keyId, seal.sealedAt],
      ],
    });
  }

  /** Events after a position in commit order that stand before the oldest transaction still open, at most `limit`. */
  async eventsAfter(position: SealPosition, limit: number): Promise<readonly EventToSeal[]> {
    const { rows } = await this.pool.query<[txId: string, seq: string, id: string, encoding: string]>({
      name: 'seal-events',
      rowMode: 'array',
      text: `SELECT e.tx_id::text, e.seq::text, e.id, ${EVENT_ENCODING_SQL} FROM es.events AS e
             WHERE (e.tx_id, e.seq) > ($1::text::xid8, $2::bigint) AND e.tx_id < pg_snapshot_xmin(pg_current_snapshot())
             ORDER BY e.tx_id, e.seq LIMIT $3`,
      values: [position.txId, position.seq, limit],
    });
    return rows.map(([txId, seq, id, encoding]) => ({ position: { txId, seq }, id, encoding }));
  }

  /** What stands after a position: how many events (counted up to `limit`), the time of the first, the transaction that holds it back. */
  async waiting(position: SealPosition, limit: number): Promise<Waiting> {
    const { rows } = await this.pool.query<Waiting>({
      name: 'seal-waiting',
      text: `WITH w AS MATERIALIZED (
               SELECT e.metadata->>'at' AS at FROM es.events AS e WHERE (e.tx_id, e.seq) > ($1::text::xid8, $2::bigint)
               ORDER BY e.tx_id, e.seq LIMIT $3
             )
             SELECT (SELECT count(*)::int FROM w) AS events, (SELECT at FROM w LIMIT 1) AS "firstAt",
               CASE WHEN pg_snapshot_xmin(s) < pg_snapshot_xmax(s) THEN pg_snapshot_xmin(s)::text END AS gate
             FROM pg_current_snapshot() AS s`,
      values: [position.txId, position.seq, limit],
    });
    return rows[0] ?? { events: 0, firstAt: null, gate: null };
  }
}
