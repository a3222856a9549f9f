import type { Who } from '../requests/request-context.js';
import type { RecordKind } from './record-kind.js';

interface Opened<Row> {
  readonly kind: RecordKind;
  readonly id: string;
  readonly row: Row;
}

/** Cards that were opened, recorded and counted before their requests ask for them: each is there for its own request, and once. */
export class OpenedCards<Row> {
  readonly #opened = new WeakMap<Who, Opened<Row>>();

  keep(who: Who, kind: RecordKind, id: string, row: Row): void {
    this.#opened.set(who, { kind, id, row });
  }

  /** What is asked for again is another opening. */
  take(who: Who, kind: RecordKind, id: string): Row | undefined {
    const opened = this.#opened.get(who);
    this.#opened.delete(who);
    return opened?.kind === kind && opened.id === id ? opened.row : undefined;
  }
}
