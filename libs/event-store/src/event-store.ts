import type { Pool, PoolClient, QueryResult } from 'pg';
import { DomainError } from '#kernel';
import { AppendBatches, type SingleAppend } from './append-batches.js';
import type { CommandRecord, ExpectedVersion, Statement, StoredEvent, StreamAppend } from './events.js';

/** The stream is not at the version that was expected; nothing was written. */
export class VersionConflict extends DomainError {
  constructor() {
    super('version-conflict');
  }
}

/** The command id stands in the log already; nothing was written now. */
export class CommandRepeated extends DomainError {
  constructor() {
    super('idempotency-in-progress');
  }
}

interface EventRow {
  seq: number;
  tx_id: string;
  id: string;
  stream: string;
  version: number;
  type: string;
  schema_version: number;
  data: unknown;
  metadata: StoredEvent['metadata'];
}

const COLUMNS = 'seq, tx_id::text, id, stream, version, type, schema_version, data, metadata';

function toStored(row: EventRow): StoredEvent {
  return {
    seq: Number(row.seq),
    txId: row.tx_id,
    id: row.id,
    stream: row.stream,
    version: row.version,
    type: row.type,
    schemaVersion: row.schema_version,
    data: row.data,
    metadata: row.metadata,
  };
}

function expectedNumber(expected: ExpectedVersion): number | null {
  switch (expected.kind) {
    case 'any':
      return null;
    case 'no-stream':
      return 0;
    case 'exactly':
      return expected.version;
  }
}

/** A position in commit order: every event at or before it has been seen. */
export interface Position {
  readonly txId: string;
  readonly seq: number;
}
export const LOG_START: Position = { txId: '0', seq: 0 };

export interface AppendRequest {
  readonly streams: readonly StreamAppend[];
  /** Further things that must not change meanwhile (a blind-index value, say); locked together with the streams, sorted. */
  readonly locks?: readonly string[];
  readonly command?: CommandRecord;
  readonly statements?: readonly Statement[];
}

/**
 * The log. `pool` should be made with `pipeline: true`: then an append (begin, `es.append`, projections, commit) is written to the
 * connection at once and costs one round trip.
 */
export class EventStore {
  private readonly batches = new AppendBatches({
    alone: (append) => this.onClient((client) => this.sendAlone(client, appendOne(append))),
    together: (appends) => this.appendEach(appends),
  });

  constructor(private readonly pool: Pool) {}

  /**
   * Appends to all streams or to none, with the statements in the same transaction. Resolves once it is on disk.
   * Throws `VersionConflict`, `CommandRepeated`, or the database's error (then nothing, or, when the connection broke during
   * the commit, an unknown outcome: repeat under the same command id).
   */
  async append(request: AppendRequest): Promise<void> {
    const single = singleOf(request);
    if (single !== undefined) return this.batches.append(single);
    const append = appendMany(request);
    const statements = request.statements ?? [];
    // A statement alone is a transaction of its own: there is no BEGIN and COMMIT to send, parse and answer.
    if (statements.length === 0) return this.onClient((client) => this.sendAlone(client, append));
    await this.inOneRoundTrip([append, ...statements]);
  }

  /** Runs the statements in one transaction, sent at once. The first error is thrown and nothing is kept. */
  async inOneRoundTrip(statements: readonly Statement[]): Promise<void> {
    await this.onClient((client) => this.send(client, statements));
  }

  private async appendEach(appends: readonly SingleAppend[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.pool.query<{ refused: readonly string[] | null }>(appendEach(appends));
    return new Set(rows[0]?.refused);
  }

  private async onClient(work: (client: PoolClient) => Promise<void>): Promise<void> {
    const client = await this.pool.connect();
    const broken = await work(client).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    client.release(broken !== undefined && !(broken.error instanceof DomainError));
    if (broken !== undefined) throw broken.error;
  }

  private async sendAlone(client: PoolClient, { name, text, values }: Statement): Promise<void> {
    await client.query({ text, values: [...values], ...(name === undefined ? {} : { name }) }).catch((error: unknown) => {
      throw translated(error);
    });
  }

  private async send(client: PoolClient, statements: readonly Statement[]): Promise<void> {
    const { stream } = client.connection;
    // One write to the socket for all of them: each alone would be a system call, and would wake the server for a part.
    stream.cork();
    const queries = [
      client.query('BEGIN'),
      ...statements.map(({ text, values, name }) =>
        client.query({ text, values: [...values], ...(name === undefined ? {} : { name }) }),
      ),
      client.query('COMMIT'),
    ];
    stream.uncork();
    const results = await Promise.allSettled(queries);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw translated(failed.reason);
    const commit = results.at(-1) as PromiseFulfilledResult<QueryResult>;
    if (commit.value.command !== 'COMMIT') throw new Error('the transaction was rolled back');
  }

  /** Events of one stream in order; an empty list when there is none. */
  async readStream(stream: string): Promise<readonly StoredEvent[]> {
    const result = await this.pool.query<EventRow>({
      name: 'es-read-stream',
      text: `SELECT ${COLUMNS} FROM es.events WHERE stream = $1 ORDER BY version`,
      values: [stream],
    });
    return result.rows.map(toStored);
  }

  /** The outcome of a command that was carried out before, with the MAC of its body; undefined when it was not. */
  async findCommand(id: string): Promise<CommandRecord | undefined> {
    const result = await this.pool.query<{ mac: string; outcome: unknown }>({
      name: 'es-find-command',
      text: `SELECT encode(body_mac, 'hex') AS mac, outcome FROM es.commands WHERE id = $1`,
      values: [id],
    });
    const row = result.rows[0];
    return row === undefined ? undefined : { id, mac: row.mac, outcome: row.outcome };
  }

  /** Remembers a command that had nothing to write, so that its repeat is told. Throws `CommandRepeated` when it is known already. */
  async recordCommand({ id, mac, outcome }: CommandRecord): Promise<void> {
    const result = await this.pool.query({
      name: 'es-record-command',
      text: `INSERT INTO es.commands (id, body_mac, outcome) VALUES ($1, decode($2, 'hex'), $3::jsonb) ON CONFLICT DO NOTHING`,
      values: [id, mac, JSON.stringify(outcome)],
    });
    if (result.rowCount === 0) throw new CommandRepeated();
  }

  /** Forgets commands that are older than `days` days, at most `limit` of them, the oldest first. Returns how many. */
  async forgetCommands(days: number, limit: number): Promise<number> {
    const result = await this.pool.query({
      text: `DELETE FROM es.commands WHERE id IN (
               SELECT id FROM es.commands WHERE at < clock_timestamp() - make_interval(days => $1) ORDER BY at LIMIT $2)`,
      values: [days, limit],
    });
    return result.rowCount ?? 0;
  }

  /** Those of the streams that have events. */
  async existing(streams: readonly string[]): Promise<ReadonlySet<string>> {
    const result = await this.pool.query<{ stream: string }>({
      name: 'es-existing',
      text: 'SELECT stream FROM es.events WHERE stream = ANY($1::text[]) AND version = 1',
      values: [streams],
    });
    return new Set(result.rows.map(({ stream }) => stream));
  }

  /**
   * Events after a position in true commit order, at most `limit`. It stops before the oldest transaction still open, so a late
   * commit is never passed. Versions of one stream come in their order.
   */
  async readCommitted(after: Position, limit: number): Promise<readonly StoredEvent[]> {
    const result = await this.pool.query<EventRow>({
      name: 'es-read-committed',
      // Qualified: a bare tx_id would be the output column, a text, and 1000 would sort before 999.
      text: `SELECT ${COLUMNS} FROM es.events AS e
             WHERE (e.tx_id, e.seq) > ($1::text::xid8, $2::bigint) AND e.tx_id < pg_snapshot_xmin(pg_current_snapshot())
             ORDER BY e.tx_id, e.seq LIMIT $3`,
      values: [after.txId, after.seq, limit],
    });
    return result.rows.map(toStored);
  }
}

/** The short way, for what takes it: one event, one stream, nothing else in the transaction and nothing else to lock. */
function singleOf({ streams, locks = [], command, statements = [] }: AppendRequest): SingleAppend | undefined {
  const [first, ...others] = streams;
  const [event, ...more] = first?.events ?? [];
  if (first === undefined || event === undefined || command !== undefined) return undefined;
  if (others.length + more.length + locks.length + statements.length > 0) return undefined;
  const { stream, expected } = first;
  const [data, metadata] = [JSON.stringify(event.data), JSON.stringify(event.metadata)];
  return { stream, expected: expectedNumber(expected), event, data, metadata };
}

function appendOne({ stream, expected, event, data, metadata }: SingleAppend): Statement {
  return {
    name: 'es-append-one',
    text: 'SELECT es.append_one($1, $2, $3, $4, $5, $6, $7)',
    values: [stream, expected, event.id, event.type, event.schemaVersion, data, metadata],
  };
}

function appendEach(appends: readonly SingleAppend[]): { name: string; text: string; values: unknown[] } {
  return {
    name: 'es-append-each',
    text: 'SELECT es.append_each($1, $2, $3, $4, $5, $6, $7) AS refused',
    values: [
      appends.map(({ stream }) => stream),
      appends.map(({ expected }) => expected),
      appends.map(({ event }) => event.id),
      appends.map(({ event }) => event.type),
      appends.map(({ event }) => event.schemaVersion),
      appends.map(({ data }) => data),
      appends.map(({ metadata }) => metadata),
    ],
  };
}

function appendMany({ streams, locks = [], command }: AppendRequest): Statement {
  const events = streams.flatMap(({ events: added }, index) =>
    added.map((event, position) => ({
      id: event.id,
      s: index + 1,
      k: position + 1,
      type: event.type,
      v: event.schemaVersion,
      data: event.data,
      metadata: event.metadata,
    })),
  );
  return {
    name: 'es-append',
    text: 'SELECT es.append($1::text[], $2::text[], $3::integer[], $4::jsonb, $5::jsonb)',
    values: [
      [...locks, ...(command ? [`command:${command.id}`] : [])],
      streams.map(({ stream }) => stream),
      streams.map(({ expected }) => expectedNumber(expected)),
      JSON.stringify(events),
      command ? JSON.stringify(command) : null,
    ],
  };
}

function translated(error: unknown): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'PA001') return new VersionConflict();
  if (code === 'PA002') return new CommandRepeated();
  return error;
}
