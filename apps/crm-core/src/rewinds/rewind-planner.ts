import type { Pool } from 'pg';
import { refuse } from '#kernel';
import type { EventMetadata } from '#event-store';
import { AGGREGATES } from '../aggregates.js';
import type { AnyAggregate } from '../log/aggregate.js';
import { streamParts } from '../log/aggregate.js';
import { openEvent } from '../log/event-codec.js';
import { planRecord, type RecordPlan, type RewindScope, type Touch } from './domain/record-plan.js';
import { fieldsTouched, kindOf, namesIn, type DataNames } from './domain/touched-fields.js';

/** Records that one rewind can take: the plan is made within the request (measured in docs/adr/0009: 10,000 in 1 to 3 s). */
const MOST_RECORDS = 50_000;
/** Streams read at once. */
const BATCH = 500;
const CATEGORIES = ['contact', 'company', 'deal'] as const;

/** One record of a rewind's plan. */
export interface StreamPlan extends RecordPlan {
  readonly stream: string;
  /** Of the stream, when it was planned. */
  readonly version: number;
  /** The rewind's own events stand in the stream: it was put back before. */
  readonly isPutBack: boolean;
}

interface TouchRow {
  readonly stream: string;
  readonly seq: number;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schema_version: number;
  readonly metadata: EventMetadata;
  readonly members: string[] | null;
  readonly custom_fields: string[] | null;
  readonly data: unknown;
}

/**
 * Finds what a person changed and plans its undoing. Nothing is decrypted: an event's type and the names in its data say what it
 * touched. Data of an older shape is read whole, and upcast, for a name may have changed since.
 */
export class RewindPlanner {
  constructor(private readonly pool: Pool) {}

  /** The plan of every record that the scope touches. Throws `rewind-too-large`. */
  async plan(scope: RewindScope): Promise<readonly StreamPlan[]> {
    const streams = await this.streamsOf(scope);
    const plans: StreamPlan[] = [];
    for (let start = 0; start < streams.length; start += BATCH) {
      plans.push(...(await this.planStreams(streams.slice(start, start + BATCH), scope)));
    }
    return plans;
  }

  /** The plans of these streams, in no order; streams that do not exist have none. */
  async planStreams(streams: readonly string[], scope: RewindScope): Promise<readonly StreamPlan[]> {
    const touches = await this.touchesOf(streams);
    return [...touches].map(([stream, ofStream]) => ({
      stream,
      isPutBack: ofStream.some(({ causationId }) => causationId === scope.rewindId),
      version: ofStream.findLast(({ seq }) => seq > 0)?.version ?? 0,
      ...planRecord(ofStream, scope),
    }));
  }

  /** Streams of records with an event in the scope. Throws `rewind-too-large` when they are more than `most`. */
  async streamsOf({ userId, since, until, rewindId }: RewindScope, most = MOST_RECORDS): Promise<readonly string[]> {
    const result = await this.pool.query<{ stream: string }>({
      name: 'rewind-streams',
      text: `SELECT DISTINCT stream FROM es.events
             WHERE metadata->>'actorId' = $1 AND (metadata->>'at') COLLATE "C" >= $2 AND (metadata->>'at') COLLATE "C" <= $3
               AND split_part(stream, '-', 1) = ANY($4) AND metadata->>'causationId' IS DISTINCT FROM $5
             LIMIT $6`,
      values: [userId, since, until, CATEGORIES, rewindId, most === Infinity ? null : most + 1],
    });
    if (result.rows.length > most) refuse('rewind-too-large');
    return result.rows.map(({ stream }) => stream);
  }

  private async touchesOf(streams: readonly string[]): Promise<ReadonlyMap<string, readonly Touch[]>> {
    const rows = await this.rowsOf(streams);
    const byStream = Map.groupBy(rows, ({ stream }) => stream);
    const closed = await this.closedStreams(byStream);
    return new Map(
      [...byStream].map(([stream, ofStream]) => {
        const touches = ofStream.map((row) => touchOf(aggregateOf(stream), row));
        return [stream, closed.has(stream) ? [...touches, closing(touches.length)] : touches];
      }),
    );
  }

  private async rowsOf(streams: readonly string[]): Promise<readonly TouchRow[]> {
    const versions = Object.assign({}, ...CATEGORIES.map((category) => AGGREGATES.get(category)?.eventVersions)) as object;
    const result = await this.pool.query<TouchRow>({
      name: 'rewind-touches',
      text: `SELECT e.stream, e.seq, e.version, e.id, e.type, e.schema_version, e.metadata,
               CASE WHEN p.present THEN ARRAY(SELECT jsonb_object_keys(e.data)) END AS members,
               CASE WHEN p.present AND jsonb_typeof(e.data->'customFields') = 'object'
                 THEN ARRAY(SELECT jsonb_object_keys(e.data->'customFields')) END AS custom_fields,
               CASE WHEN NOT p.present THEN e.data END AS data
             FROM es.events AS e, LATERAL (SELECT coalesce(e.schema_version = ($2::jsonb->>e.type)::integer, false)) AS p(present)
             WHERE e.stream = ANY($1::text[]) ORDER BY e.stream, e.version`,
      values: [streams, JSON.stringify(versions)],
    });
    return result.rows;
  }

  /** Streams whose data key was destroyed with no event of their own that says so (a deal of an erased contact, say). */
  private async closedStreams(byStream: ReadonlyMap<string, readonly TouchRow[]>): Promise<ReadonlySet<string>> {
    const unmarked = [...byStream].filter(([stream, rows]) => {
      const { sealed, erasedBy } = aggregateOf(stream);
      return sealed && !rows.some(({ type }) => type === erasedBy);
    });
    const owners = unmarked.map(([stream]) => stream);
    const result = await this.pool.query<{ owner: string }>({
      name: 'rewind-keys',
      text: 'SELECT owner FROM vault.keys WHERE owner = ANY($1::text[])',
      values: [owners],
    });
    const open = new Set(result.rows.map(({ owner }) => owner));
    return new Set(owners.filter((owner) => !open.has(owner)));
  }
}

/** The aggregate of a record's stream. Throws a plain Error on any other stream. */
export function aggregateOf(stream: string): AnyAggregate {
  const aggregate = AGGREGATES.get(streamParts(stream).category);
  if (aggregate === undefined) throw new Error('no such kind of stream');
  return aggregate;
}

function touchOf(aggregate: AnyAggregate, row: TouchRow): Touch {
  const { seq, version, type, metadata } = row;
  const kind = kindOf(type);
  const { actorId, at, causationId } = metadata;
  return { seq, version, kind, actorId, at, causationId, fields: fieldsTouched(kind, namesOf(aggregate, row)) };
}

function namesOf(aggregate: AnyAggregate, row: TouchRow): DataNames {
  if (row.members !== null) return { members: row.members, customFields: row.custom_fields ?? [] };
  const stored = { ...row, schemaVersion: row.schema_version, txId: '0' };
  return namesIn(openEvent(aggregate, stored, undefined).event.data);
}

/** Stands for the destruction of a key; it is in no stream, so it has no place in the log. */
function closing(after: number): Touch {
  return { seq: 0, version: after + 1, kind: 'erased', actorId: null, at: '', causationId: null, fields: [] };
}
