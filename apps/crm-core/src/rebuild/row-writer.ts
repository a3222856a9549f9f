import { finished } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { POINTS_TABLE, type BuiltTable } from '../log/row-origin.js';
import type { Columns, ReadTable } from '../log/row-change.js';
import { copyLine, COPY_OPTIONS } from './copy-text.js';
import { LineBuffer } from './line-buffer.js';
import type { PointRow } from '../log/row-fold.js';
import type { FoldedStream } from './stream-fold.js';
import type { Shapes, TableShape } from './table-shape.js';

/** Bytes of one table that wait before they are written: one COPY, so one short transaction, of so much. */
const BUFFERED_MAX = 512 * 1024;
/** Its one row is made of all streams together (`authz_version`): whoever rebuilds or checks writes it himself. */
export const COUNTED_TABLE = 'read.security' satisfies ReadTable;

/** Writes rows by COPY, each table in pieces. One at a time uses the client. */
export class RowWriter {
  readonly #buffers = new Map<BuiltTable, LineBuffer>();
  #writing: Promise<void> = Promise.resolve();
  #rows = 0;

  constructor(
    private readonly client: ClientBase,
    private readonly shapes: Shapes,
    private readonly target: (shape: TableShape) => string,
  ) {}

  /** Rows taken so far. */
  get rows(): number {
    return this.#rows;
  }

  addStream({ rows, points }: FoldedStream): void {
    for (const [table, byKey] of rows) {
      if (table !== COUNTED_TABLE) for (const row of byKey.values()) this.add(table, row);
    }
    for (const point of points) this.add(POINTS_TABLE, pointColumns(point));
  }

  add(table: BuiltTable, row: Columns): void {
    let buffer = this.#buffers.get(table);
    if (buffer === undefined) this.#buffers.set(table, (buffer = new LineBuffer()));
    buffer.add(copyLine(this.#shape(table), row));
    this.#rows += 1;
  }

  /** Writes what has grown large, while the caller goes on; rejects with the error of what was written before. */
  async writeFull(): Promise<void> {
    const full = [...this.#buffers].filter(([, { bytes }]) => bytes >= BUFFERED_MAX);
    if (full.length > 0) await this.#write(full);
  }

  /** Writes all that is left, and waits for it. */
  async writeAll(): Promise<void> {
    await this.#write([...this.#buffers]);
    await this.#writing;
  }

  async #write(parts: ReadonlyArray<readonly [BuiltTable, LineBuffer]>): Promise<void> {
    await this.#writing;
    for (const [table] of parts) this.#buffers.delete(table);
    this.#writing = this.#copy(parts);
    // The next call reports it; without a listener it would end the process.
    this.#writing.catch(() => undefined);
  }

  async #copy(parts: ReadonlyArray<readonly [BuiltTable, LineBuffer]>): Promise<void> {
    for (const [table, buffer] of parts) {
      const shape = this.#shape(table);
      await copyInto(this.client, this.target(shape), shape.columns, buffer.pieces(), COPY_OPTIONS);
    }
  }

  #shape(table: BuiltTable): TableShape {
    const shape = this.shapes.get(table);
    if (shape === undefined) throw new Error(`no shape of ${table}`);
    return shape;
  }
}

/** One COPY. Rejects with the database's error. */
export async function copyInto(
  client: ClientBase,
  target: string,
  columns: readonly string[],
  text: ReadonlyArray<string | Buffer>,
  options: string,
): Promise<void> {
  const names = columns.map((name) => `"${name}"`).join(', ');
  const stream = client.query(copyFrom(`COPY ${target} (${names}) FROM STDIN WITH (${options})`));
  for (const piece of text) stream.write(piece);
  stream.end();
  await finished(stream);
}

function pointColumns({ id, blind, sealed, recordType, recordId, kind }: PointRow): Columns {
  const blindIndex = blind === null ? null : `\\x${blind}`;
  return { id, record_type: recordType, record_id: recordId, kind, blind_index: blindIndex, sealed };
}
