import type { ClientBase } from 'pg';
import type { BuiltTable } from '../log/row-origin.js';
import { POINTS_TABLE } from '../log/row-origin.js';
import { COUNTED_TABLE, RowWriter } from './row-writer.js';
import type { FoldedStream } from './stream-fold.js';
import type { Shapes, TableShape } from './table-shape.js';

/** Puts the rows of these streams in the place of whatever stands there of them. In the client's transaction, if one is open. */
export async function replaceRows(
  client: ClientBase,
  shapes: Shapes,
  target: (shape: TableShape) => string,
  streams: readonly FoldedStream[],
): Promise<void> {
  const replaced = new Map<BuiltTable, unknown[]>();
  const add = (table: BuiltTable, keys: Iterable<unknown>): void =>
    void replaced.set(table, [...(replaced.get(table) ?? []), ...keys]);
  for (const { rows, gone, pointRecords } of streams) {
    for (const [table, byKey] of rows) if (table !== COUNTED_TABLE) add(table, byKey.keys());
    for (const [table, keys] of gone) if (table !== COUNTED_TABLE) add(table, keys);
    if (pointRecords.size > 0) add(POINTS_TABLE, pointRecords);
  }
  for (const [table, keys] of replaced) {
    const shape = shapes.get(table);
    if (shape === undefined) throw new Error(`no shape of ${table}`);
    await client.query(`DELETE FROM ${target(shape)} WHERE ${shape.key} = ANY($1::${shape.keyType}[])`, [keys]);
  }
  const writer = new RowWriter(client, shapes, target);
  for (const stream of streams) writer.addStream(stream);
  await writer.writeAll();
}
