import { RowFold, type FoldedRows } from '../log/row-fold.js';
import type { RowChange } from '../log/row-change.js';

/** All that the events of one stream come to. */
export interface FoldedStream extends FoldedRows {
  readonly stream: string;
}

/** The row changes of a stream's events, in order, as `statementsOf` would leave them in the tables. Pure. */
export function foldChanges(stream: string, changes: Iterable<RowChange>): FoldedStream {
  const fold = new RowFold();
  for (const change of changes) fold.apply(change);
  return { stream, ...fold.result() };
}
