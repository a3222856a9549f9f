import { Batches } from '#platform';
import type { Principal } from '#policy';
import { madeCardSql } from './card-sql.js';
import { askedRows, PlacedValues } from './placed-values.js';
import type { RecordKind } from './record-kind.js';
import { Values, type Sql } from './record-sql.js';

interface Asked {
  readonly kind: RecordKind;
  readonly id: string;
  readonly principal: Principal;
  /** Its part of a statement for several, whose text is the same for all alike. */
  readonly text: string;
  readonly placed: PlacedValues['placed'];
}

/** Cards of records for those who made them, one in a statement or several that are asked for at the same time (ADR 31). */
export class MadeCards<Row extends { readonly id: string }> {
  readonly #batches: Batches<Asked, { readonly row: Row | undefined }>;

  /** `run` runs a statement, prepared under its text. */
  constructor(run: (sql: Sql) => Promise<readonly Row[]>) {
    this.#batches = new Batches<Asked, { readonly row: Row | undefined }>({
      alone: async ({ kind, id, principal }) => {
        const values = new Values();
        const [row] = await run({ text: madeCardSql(kind, id, principal, values), values: values.list });
        return { row };
      },
      together: async (asked) => answersOf(asked, await run(madeCardsSql(asked))),
      statementOf: ({ text }) => text,
      atOnce: 1,
    });
  }

  /** Undefined: not there, or out of his sight by now. Throws what the database threw. */
  async find(kind: RecordKind, id: string, principal: Principal): Promise<Row | undefined> {
    const values = new PlacedValues();
    // LIMIT 1 keeps one look-up by key for each.
    const text = `SELECT asked.place, card.* FROM asked CROSS JOIN LATERAL (${madeCardSql(kind, id, principal, values)} LIMIT 1) AS card`;
    return (await this.#batches.ask({ kind, id, principal, text, placed: values.placed })).row;
  }
}

function madeCardsSql(asked: readonly Asked[]): Sql {
  const rows = askedRows(asked.map(({ placed }) => placed));
  return { text: `WITH asked AS (${rows.sql}) ${asked[0]?.text ?? ''}`, values: rows.values };
}

/** Throws when a row is not of the card that was asked for at its place, or comes twice: then nobody is shown anything. */
function answersOf<Row extends { readonly id: string }>(
  asked: readonly Asked[],
  rows: readonly Row[],
): { row: Row | undefined }[] {
  const answers = asked.map((): { row: Row | undefined } => ({ row: undefined }));
  for (const row of rows as readonly (Row & { readonly place: number })[]) {
    const index = Number(row.place) - 1;
    const answer = answers[index];
    if (answer === undefined || answer.row !== undefined || asked[index]?.id !== row.id)
      throw new Error('cards were answered out of order');
    answer.row = row;
  }
  return answers;
}
