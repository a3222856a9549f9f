import { Batches } from '#platform';
import { openCardSql, openCardsSql, placedOpening, type Opening, type PlacedOpening } from './card-sql.js';
import type { Sql } from './record-sql.js';

/** What of an opened card the batch itself looks at. */
interface OpenedRow {
  readonly id: string;
  readonly decision: string | null;
}
/** No row: the record is not there, or out of the viewer's sight. */
interface Opened<Row> {
  readonly row: Row | undefined;
}
interface Asked {
  readonly opening: Opening;
  readonly placed: PlacedOpening;
}

/**
 * Opens cards: record, sight, the gate's decision and its commit in one statement, one opening in it or several that came at the same time
 * (ADR 31). What is returned is on disk.
 */
export class Openings<Row extends OpenedRow> {
  readonly #batches: Batches<Asked, Opened<Row>>;

  /** `run` runs a statement, prepared under its text. */
  constructor(run: (sql: Sql) => Promise<readonly Row[]>) {
    this.#batches = new Batches<Asked, Opened<Row>>({
      alone: async ({ opening }) => ({ row: (await run(openCardSql(opening)))[0] }),
      together: async (asked) => answersOf(asked, await run(openCardsSql(asked.map(({ placed }) => placed)))),
      statementOf: ({ placed }) => placed.text,
      atOnce: 1,
    });
  }

  /**
   * Undefined: not visible or not there, and not counted. Throws what the database threw, and `dependency-unavailable` when it is not done
   * within so many milliseconds.
   */
  async open(opening: Opening, withinMs: number): Promise<Row | undefined> {
    return (await this.#batches.ask({ opening, placed: placedOpening(opening) }, withinMs)).row;
  }
}

/** Throws when a row is not of the card that was asked for at its place, or comes twice: then nobody is shown anything. */
function answersOf<Row extends OpenedRow>(asked: readonly Asked[], rows: readonly Row[]): (Opened<Row> | undefined)[] {
  const answers: (Opened<Row> | undefined)[] = asked.map(() => ({ row: undefined }));
  const seen = new Set<number>();
  for (const row of rows as readonly (Row & { readonly place: number })[]) {
    const index = row.place - 1;
    if (asked[index]?.opening.id !== row.id || seen.has(index)) throw new Error('cards were answered out of order');
    seen.add(index);
    // Undecided: somebody else has the viewer's lock at this moment.
    answers[index] = row.decision === null ? undefined : { row };
  }
  return answers;
}
