import type { Pool, PoolClient, QueryResult } from 'pg';
import { DomainError } from '#kernel';
import { AppendBatches } from './append-batches.js';
import { expectedNumber, type AppendRequest, type CommandRecord, type Statement, type StoredEvent } from './events.js';
import { commandLock, sharedAppend, sharedStatements, type SharedAppend } from './shared-append.js';
import { appendEach, appendOne, singleOf, type SingleAppend } from './single-append.js';

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

/** A position in commit order: every event at or before it has been seen. */
export interface Position {
  readonly txId: string;
  readonly seq: number;
}
export const LOG_START: Position = { txId: '0', seq: 0 };

/** Batches on their way at once, of single events and of commands. */
const SINGLES_AT_ONCE = 2;
const SHARED_AT_ONCE = 1;

/**
 * The log. `pool` should be made with `pipeline: true`: then an append (begin, `es.append`, projections, commit) is written to the
 * connection at once and costs one round trip.
 */
export class EventStore {
  private readonly singles = new AppendBatches<SingleAppend>(
    {
      alone: (append) => this.onClient((client) => this.sendAlone(client, appendOne(append))),
      together: (appends) => this.appendEach(appends),
    },
    SINGLES_AT_ONCE,
  );
  private readonly shared = new AppendBatches<SharedAppend>(
    {
      alone: ({ request }) => this.appendAlone(request),
      together: async (appends) => {
        await this.inOneRoundTrip(sharedStatements(appends));
        return new Set();
      },
    },
    SHARED_AT_ONCE,
  );

  constructor(private readonly pool: Pool) {}

  /**
   * Appends to all streams or to none, with the statements in the same transaction. Resolves once it is on disk.
   * Throws `VersionConflict`, `CommandRepeated`, or the database's error (then nothing, or, when the connection broke during
   * the commit, an unknown outcome: repeat under the same command id).
   */
  async append(request: AppendRequest): Promise<void> {
    const single = singleOf(request);
    if (single !== undefined) return this.singles.append(single);
    if (request.mayShare === true && (request.locks ?? []).length === 0) return this.shared.append(sharedAppend(request));
    await this.appendAlone(request);
  }

  private async appendAlone(request: AppendRequest): Promise<void> {
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

  private async appendEach(appends: readonly SingleAppend[]): Promise<ReadonlySet<SingleAppend>> {
    const { rows } = await this.pool.query<{ refused: readonly string[] | null }>(appendEach(appends));
    const refused = rows[0]?.refused ?? [];
    return new Set(refused.length === 0 ? [] : appends.filter(({ event }) => refused.includes(event.id)));
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
    return (await this.findCommands([id]))[0];
  }

  /** `findCommand` of several, each at its place. */
  async findCommands(ids: readonly string[]): Promise<readonly (CommandRecord | undefined)[]> {
    const { rows } = await this.pool.query<CommandRecord>({
      name: 'es-find-commands',
      text: `SELECT id, encode(body_mac, 'hex') AS mac, outcome FROM es.commands WHERE id = ANY($1::uuid[])`,
      values: [ids],
    });
    const found = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => found.get(id));
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
      [...locks, ...(command ? [commandLock(command)] : [])],
      streams.map(({ stream }) => stream),
      streams.map(({ expected }) => expectedNumber(expected)),
      JSON.stringify(events),
      command ? JSON.stringify(command) : null,
    ],
  };
}

function translated(error: unknown): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  // PA004: somebody else has a lock of a shared transaction at this moment; it is taken apart.
  if (code === 'PA001' || code === 'PA004') return new VersionConflict();
  if (code === 'PA002') return new CommandRepeated();
  return error;
}
