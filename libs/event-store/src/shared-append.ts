import {
  expectedNumber,
  type AppendRequest,
  type CommandRecord,
  type NewEvent,
  type RowsStatement,
  type Statement,
} from './events.js';

/** An event at its place in its stream. */
interface PlacedEvent {
  readonly stream: string;
  /** Null: any version. */
  readonly expected: number | null;
  /** From 1: how far behind the expected version. */
  readonly step: number;
  readonly event: NewEvent;
  /** JSON of the event's data and metadata. */
  readonly data: string;
  readonly metadata: string;
}

/** An append that may share its transaction, as its queue and its statements need it. */
export interface SharedAppend {
  readonly request: AppendRequest;
  /** Streams, and the command's id. */
  readonly locks: readonly string[];
  readonly events: readonly PlacedEvent[];
  readonly size: number;
}

/** An append with its JSON made and its locks named: once, however often it waits. */
export function sharedAppend(request: AppendRequest): SharedAppend {
  const { streams, command } = request;
  const events = streams.flatMap(({ stream, expected, events: added }) =>
    added.map((event, index) => ({
      ...{ stream, expected: expectedNumber(expected), step: index + 1, event },
      ...{ data: JSON.stringify(event.data), metadata: JSON.stringify(event.metadata) },
    })),
  );
  return {
    ...{ request, events },
    locks: [...streams.map(({ stream }) => stream), ...(command ? [commandLock(command)] : [])],
    size: events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0),
  };
}

/** The lock under which a command is carried out once. */
export const commandLock = ({ id }: CommandRecord): string => `command:${id}`;

/** All of them or none, in one transaction: events and commands first, then what the appends brought along. */
export function sharedStatements(appends: readonly SharedAppend[]): readonly Statement[] {
  return [appendTogether(appends), ...mergedStatements(appends.map(({ request }) => request.statements ?? []))];
}

function appendTogether(appends: readonly SharedAppend[]): Statement {
  const events = appends.flatMap((append) => append.events);
  const commands = appends.flatMap(({ request }) => request.command ?? []);
  return {
    name: 'es-append-together',
    text: 'SELECT es.append_together($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)',
    values: [
      appends.flatMap(({ locks }) => locks),
      events.map(({ stream }) => stream),
      events.map(({ expected }) => expected),
      events.map(({ step }) => step),
      events.map(({ event }) => event.id),
      events.map(({ event }) => event.type),
      events.map(({ event }) => event.schemaVersion),
      events.map(({ data }) => data),
      events.map(({ metadata }) => metadata),
      commands.map(({ id }) => id),
      commands.map(({ mac }) => Buffer.from(mac, 'hex')),
      commands.map(({ outcome }) => JSON.stringify(outcome)),
    ],
  };
}

/**
 * The statements of several appends, those of each in their order. Rows of one text go together where they are next in turn, which they are
 * where appends do the same.
 */
export function mergedStatements(lists: readonly (readonly Statement[])[]): readonly Statement[] {
  const merged: Statement[] = [];
  const next = lists.map(() => 0);
  for (const [owner, statements] of lists.entries()) {
    for (let statement = statements[next[owner] ?? 0]; statement !== undefined; statement = statements[next[owner] ?? 0]) {
      const { shared } = statement;
      if (shared === undefined) {
        merged.push(statement);
        next[owner] = (next[owner] ?? 0) + 1;
      } else merged.push(rowsOf(takeAlike(shared.text, lists, next)));
    }
  }
  return merged;
}

/** Takes what is next in turn and has this text, of every append. */
function takeAlike(text: string, lists: readonly (readonly Statement[])[], next: number[]): readonly RowsStatement[] {
  const taken: RowsStatement[] = [];
  for (const [index, statements] of lists.entries()) {
    for (let place = next[index] ?? 0; statements[place]?.shared?.text === text; place += 1) {
      taken.push(statements[place]?.shared as RowsStatement);
      next[index] = place + 1;
    }
  }
  return taken;
}

function rowsOf(alike: readonly RowsStatement[]): Statement {
  const [{ name, text }] = alike as [RowsStatement];
  const rows = alike.flatMap((each) => each.rows);
  const values = (rows[0] ?? []).map((_, column) => rows.map((row) => row[column]));
  return { text, values, ...(name === undefined ? {} : { name }) };
}
