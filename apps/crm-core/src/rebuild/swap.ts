import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { DatabaseError, type Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Columns } from '../log/row-change.js';
import { likeLive } from './beside-tables.js';
import { copyLine, COPY_OPTIONS } from './copy-text.js';
import { copyInto, COUNTED_TABLE } from './row-writer.js';
import type { Shapes, TableShape } from './table-shape.js';

/**
 * Below PostgreSQL's deadlock_timeout (1 s), so that this gives way and not a service. It holds for each table; readers of those
 * that are locked already wait as long.
 */
const LOCK_TIMEOUT_MS = 150;
/** Rows of a table that is written whole in the swap. */
const SMALL_TABLE = 5_000;
const LOCK_NOT_AVAILABLE = '55P03';
const DEADLOCK = '40P01';

/**
 * The order in which the live tables are locked. A reader who has one table and waits for another that is locked already would hold up
 * the swap each time; so a table that was not free is locked first the next time, which comes to the order of the readers.
 */
export class LockOrder {
  #tables: readonly string[];

  constructor(shapes: Shapes) {
    this.#tables = [...shapes.values()].map(({ table }) => table);
  }

  /** Throws the database's error when one is not free within the lock timeout. */
  async lock(client: Client): Promise<void> {
    for (const table of this.#tables) {
      try {
        await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      } catch (error) {
        this.#tables = [table, ...this.#tables.filter((one) => one !== table)];
        throw error;
      }
    }
  }
}

/**
 * One short transaction: writers of the log wait (es.append writes es.events before any read table, so the order of locks is the
 * same), `last` projects what is left, then the live tables are locked and replaced. False when they were not free: nothing changed.
 *
 * A function that is STABLE reads with the snapshot of the statement that called it, and may come to a table only after the swap.
 * Rows written since are younger than such a snapshot. Small tables, which rights hang on, are therefore written whole and frozen:
 * everybody sees them. Large ones were frozen before; they are read by statements that lock first and look at the clock after.
 */
export async function swapIn(client: Client, shapes: Shapes, order: LockOrder, last: () => Promise<Columns>): Promise<boolean> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query('LOCK TABLE es.events IN SHARE MODE');
    const counted = await last();
    for (const shape of shapes.values()) {
      if (shape.table === COUNTED_TABLE) await writeFrozen(client, shape, copyLine(shape, counted));
      else await freezeSmall(client, shape);
    }
    for (const shape of shapes.values()) for (const statement of await likeLive(client, shape)) await client.query(statement);
    const tables = [...shapes.values()];
    await order.lock(client);
    await client.query(
      tables
        .map(({ table, beside }) => `DROP TABLE ${table}; ALTER TABLE ${beside} SET SCHEMA ${table.slice(0, table.indexOf('.'))}`)
        .join(';\n'),
    );
    await client.query('COMMIT');
    return true;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    if (error instanceof DatabaseError && (error.code === LOCK_NOT_AVAILABLE || error.code === DEADLOCK)) return false;
    throw error;
  }
}

async function freezeSmall(client: Client, shape: TableShape): Promise<void> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM (SELECT FROM ${shape.beside} LIMIT ${SMALL_TABLE + 1}) AS first_rows`,
  );
  if ((rows[0]?.count ?? 0) > SMALL_TABLE) return;
  const names = shape.columns.map((name) => `"${name}"`).join(', ');
  const parts: Buffer[] = [];
  const keep = new Writable({ write: (part: Buffer, _encoding, done) => (parts.push(part), done()) });
  await pipeline(client.query(copyTo(`COPY ${shape.beside} (${names}) TO STDOUT`)), keep);
  await writeFrozen(client, shape, Buffer.concat(parts));
}

/** FREEZE holds for a table that was emptied in the same transaction. */
async function writeFrozen(client: Client, shape: TableShape, text: string | Buffer): Promise<void> {
  await client.query(`TRUNCATE ${shape.beside}`);
  await copyInto(client, shape.beside, shape.columns, [text], `${COPY_OPTIONS}, FREEZE`);
}
