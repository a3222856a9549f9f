import type { DisclosureKind, WrittenMeasure } from './watch.js';

/** What the gate is asked for: who is about to be shown what, by which request (a request's id or a command's) and from where. */
export interface Asking {
  readonly viewer: string;
  readonly measure: WrittenMeasure;
  readonly kind: DisclosureKind;
  readonly subjectType: 'contact' | 'company' | 'deal';
  readonly subjects: readonly string[];
  readonly request: string;
  readonly session: string | null;
  readonly token: string | null;
  readonly ip: string | null;
  /** False where a number or an address is shown in full. */
  readonly masked: boolean;
}

/** What the gate answered, and the version of rights at that moment. */
export interface GateAnswer {
  readonly decision: string;
  readonly authz_version: number;
}

/** A row of `admitEachStatement`: the answer to all that were answered alike. */
export interface PlacedAnswer extends GateAnswer {
  /** Places in the batch, from 1, and the ids of the requests there, each joined by commas. */
  readonly places: string;
  readonly requests: string;
}

/** A prepared statement. */
export interface GateStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Asks the gate for one: one row, `GateAnswer`. */
export function admitStatement(asked: Asking): GateStatement {
  const { viewer, measure, kind, subjectType, subjects, request, session, token, ip, masked } = asked;
  return {
    name: 'gate-admit',
    text: `SELECT gate.decision, (SELECT authz_version FROM read.security) AS authz_version
           FROM watch.admit($1, $2, $3, $4, $5::uuid[], $6, $7, $8, $9, $10) AS gate`,
    values: [viewer, measure, kind, subjectType, subjects, request, session, token, ip, masked],
  };
}

/** Asks the gate for several at once, of several people or of one: rows of `PlacedAnswer`, for `inOrder`. */
export function admitEachStatement(asked: readonly Asking[]): GateStatement {
  let end = 0;
  const column = (value: (one: Asking) => string | number | boolean | null): unknown => arrayOf(asked.map(value));
  return {
    name: 'gate-admit-each',
    text: `SELECT array_to_string(gate.places, ',') AS places, array_to_string(gate.requests, ',') AS requests, gate.decision,
              (SELECT authz_version FROM read.security) AS authz_version
           FROM watch.admit_each($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS gate`,
    values: [
      column(({ viewer }) => viewer),
      column(({ measure }) => measure),
      column(({ kind }) => kind),
      column(({ subjectType }) => subjectType),
      arrayOf(asked.flatMap(({ subjects }) => subjects)),
      column(({ subjects }) => (end += subjects.length)),
      column(({ request }) => request),
      column(({ session }) => session),
      column(({ token }) => token),
      column(({ ip }) => ip),
      column(({ masked }) => masked),
    ],
  };
}

/** What stands in an array of PostgreSQL as it is: ids, words, numbers, addresses. */
const PLAIN = /^(?!null$)[\w.:-]+$/i;

/** An array as PostgreSQL writes it, which costs a tenth of quoting each element; where one needs that, it is left to the driver. */
function arrayOf(values: readonly (string | number | boolean | null)[]): unknown {
  const isPlain = values.every((value) => typeof value !== 'string' || PLAIN.test(value));
  return isPlain ? `{${values.map((value) => (value === null ? 'NULL' : value)).join(',')}}` : values;
}

/**
 * Each answer at the place of its request; undefined where the gate left one undecided, who asks alone then. Throws when an answer is
 * for nobody who asked, for another request than the one at its place, or comes twice: then no answer is anybody's.
 */
export function inOrder<Row extends PlacedAnswer>(
  asked: readonly { readonly request: string }[],
  rows: readonly Row[],
): (Row | undefined)[] {
  const answers = new Array<Row | undefined>(asked.length).fill(undefined);
  for (const row of rows) {
    const [places, requests] = [row.places.split(','), row.requests.split(',')];
    if (places.length !== requests.length) throw new Error('the gate answered out of order');
    for (const [nth, place] of places.entries()) {
      const index = Number(place) - 1;
      if (asked[index]?.request !== requests[nth] || answers[index] !== undefined)
        throw new Error('the gate answered out of order');
      answers[index] = row;
    }
  }
  return answers;
}
