import type { Pool } from 'pg';
import type { CommandRecord, EventStore, Statement } from '#event-store';
import type { Caller, RewindChange, RewindConflict, RewindPage, RewindPosition, RewindQuery, RewindState } from '#contracts';
import type { RecordType } from '#policy';
import { streamParts } from '../log/aggregate.js';
import type { RewindScope } from './domain/record-plan.js';
import type { StreamPlan } from './rewind-planner.js';

/** Previews are kept longer than Idempotency-Keys (7 days), so that a repeat is answered with the first outcome. */
const PREVIEW_DAYS = 8;
/** Rows of one INSERT. */
const INSERT_ROWS = 5_000;
/** Entries of a page at most, and their JSON in characters: far below the broker's 1 MB in any alphabet. */
const PAGE_ENTRIES = 2_000;
const PAGE_CHARACTERS = 300_000;

/** Who asked for the rewind: its events are his. */
export interface RewindAsker extends Caller {
  readonly requestId: string;
}

/** A rewind that is under way. */
export interface RunningRewind {
  readonly scope: RewindScope;
  readonly asked: RewindAsker;
}

/** A record that waits for its turn, and what its stream was when it was planned. */
export interface PendingRecord {
  readonly stream: string;
  readonly version: number;
}

/** Entries as they are kept: a change has no `field` of its own, so its place is the empty one. */
interface EntryRow {
  readonly list: 'changes' | 'conflicts';
  readonly seq: number;
  readonly field: string;
  readonly stream: string;
  readonly entry: RewindChange | RewindConflict;
}

/** The tables of rewinds: what is planned, how far it is. Whatever changes with an append is a statement for that append. */
export class RewindStore {
  constructor(
    private readonly pool: Pool,
    private readonly events: EventStore,
  ) {}

  /** Stores a plan, for the transaction in which the rewind begins. */
  beginning(state: 'preview' | 'running', scope: RewindScope, asked: RewindAsker, plans: readonly StreamPlan[]): Statement[] {
    const { rewindId, userId, since, until } = scope;
    return [
      {
        name: 'rewind-begin',
        text: 'INSERT INTO es.rewinds (id, user_id, since, until, state, asked) VALUES ($1, $2, $3, $4, $5, $6)',
        values: [rewindId, userId, since, until, state, JSON.stringify(asked)],
      },
      ...this.adding(rewindId, plans),
    ];
  }

  /** A plan that nobody carries out: to be read, and forgotten. The command is recorded, so a repeat is told of the same plan. */
  keepPreview(scope: RewindScope, asked: RewindAsker, plans: readonly StreamPlan[], command: CommandRecord): Promise<void> {
    const recording: Statement = {
      text: `INSERT INTO es.commands (id, body_mac, outcome) VALUES ($1, decode($2, 'hex'), $3) ON CONFLICT DO NOTHING`,
      values: [command.id, command.mac, JSON.stringify(command.outcome)],
    };
    return this.events.inOneRoundTrip([...this.beginning('preview', scope, asked, plans), recording]);
  }

  /** Records with their entries. */
  adding(rewindId: string, plans: readonly StreamPlan[]): Statement[] {
    const records = plans.map((plan) => ({
      stream: plan.stream,
      version: plan.version,
      newest_seq: Math.max(0, ...plan.changes.map(({ seq }) => seq), ...plan.conflicts.map(({ seq }) => seq)),
      changes: plan.changes.length,
    }));
    return [
      ...parts(records).map((rows): Statement => ({
        name: 'rewind-add-records',
        text: `INSERT INTO es.rewind_records (rewind_id, stream, version, newest_seq, changes, state)
               SELECT $1, stream, version, newest_seq, changes, 'pending'
               FROM jsonb_to_recordset($2::jsonb) AS r(stream text, version integer, newest_seq bigint, changes integer)
               ON CONFLICT DO NOTHING`,
        values: [rewindId, JSON.stringify(rows)],
      })),
      ...parts(plans.flatMap(entriesOf)).map((rows) => insertEntries(rewindId, rows)),
    ];
  }

  /** The record is dealt with; when its plan was made anew, its entries too. */
  settling(rewindId: string, plan: StreamPlan, planned: PendingRecord): Statement[] {
    const values = [rewindId, plan.stream];
    const entries = entriesOf(plan);
    return [
      {
        name: 'rewind-settle',
        text: `UPDATE es.rewind_records SET state = 'done', changes = $3 WHERE rewind_id = $1 AND stream = $2`,
        values: [...values, plan.changes.length],
      },
      ...(plan.version === planned.version
        ? []
        : [
            { name: 'rewind-forget', text: 'DELETE FROM es.rewind_entries WHERE rewind_id = $1 AND stream = $2', values },
            ...(entries.length === 0 ? [] : [insertEntries(rewindId, entries)]),
          ]),
    ];
  }

  /** The record cannot be put back: its changes stay what they are, not done. */
  async fail(rewindId: string, stream: string): Promise<void> {
    await this.pool.query(`UPDATE es.rewind_records SET state = 'failed' WHERE rewind_id = $1 AND stream = $2`, [
      rewindId,
      stream,
    ]);
  }

  ending(rewindId: string, state: 'done' | 'failed'): Statement {
    return { name: 'rewind-end', text: 'UPDATE es.rewinds SET state = $2 WHERE id = $1', values: [rewindId, state] };
  }

  /** The oldest that runs. */
  async running(): Promise<RunningRewind | undefined> {
    const result = await this.pool.query<{ id: string; user_id: string; since: string; until: string; asked: RewindAsker }>({
      name: 'rewind-running',
      text: `SELECT id, user_id, since, until, asked FROM es.rewinds WHERE state = 'running' ORDER BY created_at LIMIT 1`,
    });
    const row = result.rows[0];
    if (row === undefined) return undefined;
    return { scope: { rewindId: row.id, userId: row.user_id, since: row.since, until: row.until }, asked: row.asked };
  }

  /** Records not dealt with yet, those changed last first. */
  async pending(rewindId: string, limit: number): Promise<readonly PendingRecord[]> {
    const result = await this.pool.query<PendingRecord>({
      name: 'rewind-pending',
      text: `SELECT stream, version FROM es.rewind_records WHERE rewind_id = $1 AND state = 'pending'
             ORDER BY newest_seq DESC LIMIT $2`,
      values: [rewindId, limit],
    });
    return result.rows;
  }

  /** Those of the streams that the rewind does not have. */
  async unknownAmong(rewindId: string, streams: readonly string[]): Promise<readonly string[]> {
    const result = await this.pool.query<{ stream: string }>(
      `SELECT s.stream FROM unnest($2::text[]) AS s(stream)
       WHERE NOT EXISTS (SELECT FROM es.rewind_records AS r WHERE r.rewind_id = $1 AND r.stream = s.stream)`,
      [rewindId, streams],
    );
    return result.rows.map(({ stream }) => stream);
  }

  /** Counts of a rewind: changes done and in all, conflicts, records that failed. */
  async tally(rewindId: string): Promise<{ done: number; total: number; conflicts: number; failed: number }> {
    const result = await this.pool.query<{ done: number; total: number; conflicts: number; failed: number }>({
      name: 'rewind-tally',
      text: `SELECT coalesce(sum(changes) FILTER (WHERE state = 'done'), 0) AS done, coalesce(sum(changes), 0) AS total,
               count(*) FILTER (WHERE state = 'failed') AS failed,
               (SELECT count(*) FROM es.rewind_entries WHERE rewind_id = $1 AND list = 'conflicts') AS conflicts
             FROM es.rewind_records WHERE rewind_id = $1`,
      values: [rewindId],
    });
    return result.rows[0] ?? { done: 0, total: 0, conflicts: 0, failed: 0 };
  }

  /** One page of a list with the rewind's state; undefined when there is no such rewind. */
  async page({ rewindId, list, after }: RewindQuery): Promise<RewindPage | undefined> {
    const found = await this.pool.query<{ state: RewindState }>({
      name: 'rewind-state',
      text: 'SELECT state FROM es.rewinds WHERE id = $1',
      values: [rewindId],
    });
    const state = found.rows[0]?.state;
    if (state === undefined) return undefined;
    const [{ done, total }, result] = await Promise.all([
      this.tally(rewindId),
      this.pool.query<EntryRow>({
        name: 'rewind-page',
        text: `SELECT seq, field, entry FROM es.rewind_entries
               WHERE rewind_id = $1 AND list = $2 AND ($3::bigint IS NULL OR (seq, field) < ($3::bigint, $4))
               ORDER BY seq DESC, field DESC LIMIT $5`,
        values: [rewindId, list, after?.seq ?? null, after?.field ?? '', PAGE_ENTRIES],
      }),
    ]);
    return { ok: true, state, done, total, ...cut(result.rows) };
  }

  async prunePreviews(): Promise<void> {
    await this.pool.query(
      `DELETE FROM es.rewinds WHERE state = 'preview' AND created_at < clock_timestamp() - make_interval(days => $1)`,
      [PREVIEW_DAYS],
    );
  }
}

/** As many entries as fit; where they end, when more may follow. */
function cut(rows: readonly EntryRow[]): { entries: RewindPage['entries']; next: RewindPosition | null } {
  let characters = 0;
  const fitting = rows.findIndex(({ entry }, index) => {
    characters += JSON.stringify(entry).length;
    return index > 0 && characters > PAGE_CHARACTERS;
  });
  const kept = fitting === -1 ? rows : rows.slice(0, fitting);
  const last = kept.at(-1);
  const isAll = fitting === -1 && rows.length < PAGE_ENTRIES;
  return {
    entries: kept.map(({ entry }) => entry),
    next: isAll || last === undefined ? null : { seq: Number(last.seq), field: last.field },
  };
}

function entriesOf({ stream, changes, conflicts }: StreamPlan): readonly EntryRow[] {
  const { category, id } = streamParts(stream);
  const record = { recordType: category as RecordType, recordId: id };
  return [
    ...changes.map(({ seq, ...entry }): EntryRow => ({
      list: 'changes',
      seq,
      field: '',
      stream,
      entry: { ...record, ...entry },
    })),
    ...conflicts.map(({ seq, ...entry }): EntryRow => {
      return { list: 'conflicts', seq, field: entry.field, stream, entry: { ...record, ...entry } };
    }),
  ];
}

function insertEntries(rewindId: string, rows: readonly EntryRow[]): Statement {
  return {
    name: 'rewind-add-entries',
    text: `INSERT INTO es.rewind_entries (rewind_id, list, seq, field, stream, entry)
           SELECT $1, list, seq, field, stream, entry
           FROM jsonb_to_recordset($2::jsonb) AS e(list text, seq bigint, field text, stream text, entry jsonb)
           ON CONFLICT DO NOTHING`,
    values: [rewindId, JSON.stringify(rows)],
  };
}

function parts<T>(rows: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(rows.length / INSERT_ROWS) }, (_, index) =>
    rows.slice(index * INSERT_ROWS, (index + 1) * INSERT_ROWS),
  );
}
