import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { refuse } from '#kernel';
import {
  cardAtContext,
  historyContext,
  type CardAt,
  type CardAtQuery,
  type HistoryItem,
  type HistoryQuery,
  type RecordHistory,
  type SealedReply,
  type SecuritySettings,
} from '#contracts';
import { decide, type Principal, type RecordType } from '#policy';
import { sealFor, toPublicJwk } from '#privacy';
import { AGGREGATES } from '../../aggregates.js';
import { Authorizations } from '../../commands/authorizations.js';
import { contactAggregate } from '../../contacts/contact.aggregate.js';
import { shownPoints } from '../../contact-points/contact-points.query.js';
import type { AnyAggregate } from '../../log/aggregate.js';
import { CrmLog } from '../../log/crm-log.js';
import type { Columns } from '../../log/row-change.js';
import type { RecordState } from '../domain/record.decider.js';
import { changesOf, clearPoints, customFieldsOf, timeline, type Moment, type Sight } from './timeline.js';

/** A page ends early when it grows beyond this, characters of JSON: a message of the broker takes 1 MiB, sealed and in base64. */
const LONGEST_PAGE = 400_000;

export class GetHistory extends Query<SealedReply> {
  constructor(readonly request: HistoryQuery) {
    super();
  }
}
export class GetCardAt extends Query<SealedReply> {
  constructor(readonly request: CardAtQuery) {
    super();
  }
}

interface Asked {
  readonly caller: { readonly userId: string };
  readonly recordType: RecordType;
  readonly recordId: string;
}
interface Seen {
  readonly principal: Principal;
  readonly moments: readonly Moment[];
  readonly sight: Sight;
}

/** The past of a record for one who may see it as it is now: rights are those of now. */
export class RecordPast {
  constructor(
    private readonly log: CrmLog,
    private readonly pool: Pool,
    private readonly authorizations: Authorizations,
  ) {}

  /** Throws `not-found` for what the viewer may not see and what is hidden, `erased` for one whom he could see. */
  async see({ caller, recordType, recordId }: Asked): Promise<Seen> {
    const loaded = await this.authorizations.load(caller.userId);
    if (loaded === undefined || loaded.authorization.status !== 'active') return refuse('unauthenticated');
    const aggregate = AGGREGATES.get(recordType);
    if (aggregate === undefined) return refuse('malformed-request');
    const [{ state, events }, fields] = await Promise.all([
      this.log.history(aggregate, recordId),
      this.pool.query<{ id: string }>('SELECT id FROM read.custom_fields WHERE record_type = $1', [recordType]),
    ]);
    const { principal, authorization } = loaded;
    requireSeen(principal, recordType, state as RecordState<unknown>);
    const record = state as { readonly responsibleId: string | null };
    return {
      principal,
      moments: timeline(recordType, aggregate, events),
      sight: {
        points: shownPoints(principal, authorization.settings as SecuritySettings, record),
        attribution: recordType === 'deal' && decide(principal, 'attribution', 'view', record).allowed,
        customFieldIds: new Set(fields.rows.map(({ id }) => id)),
      },
    };
  }

  /** The contacts of a deal of the past: named as they were called then, where the viewer may see them now. */
  async contactsAt(principal: Principal, ids: readonly string[], at: string): Promise<NonNullable<CardAt['contacts']>> {
    const result = await this.pool.query<{ id: string; responsible_id: string | null }>(
      'SELECT id, responsible_id FROM read.contacts WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL',
      [ids],
    );
    const visible = new Set(
      result.rows
        .filter((row) => decide(principal, 'contact', 'view', { responsibleId: row.responsible_id }).allowed)
        .map(({ id }) => id),
    );
    return Promise.all(ids.map(async (id) => (visible.has(id) ? { id, ...(await this.nameAt(id, at)) } : { id })));
  }

  private async nameAt(id: string, at: string): Promise<{ name?: string }> {
    const { events } = await this.log.history(contactAggregate, id);
    const moment = momentAt(timeline('contact', contactAggregate as unknown as AnyAggregate, events), at);
    const name = moment?.row?.['name'];
    return typeof name === 'string' ? { name } : {};
  }
}

function requireSeen(principal: Principal, type: RecordType, state: RecordState<unknown>): void {
  if (state.phase === 'none' || !decide(principal, type, 'view', state).allowed) refuse('not-found');
  if (state.phase === 'erased') refuse('erased');
  if (state.phase === 'deleted') refuse('not-found');
}

/** The last moment not later than `at`; undefined when there is none, or the record was hidden then. */
export function momentAt(moments: readonly Moment[], at: string): Moment | undefined {
  const end = Date.parse(at);
  const moment = moments.findLast(({ recorded }) => Date.parse(recorded.metadata.at) <= end);
  const hidden = moment?.row?.['deleted_at'];
  return hidden === undefined || hidden === null ? moment : undefined;
}

@QueryHandler(GetHistory)
export class GetHistoryHandler implements IQueryHandler<GetHistory, SealedReply> {
  constructor(private readonly past: RecordPast) {}

  async execute({ request }: GetHistory): Promise<SealedReply> {
    const { moments, sight } = await this.past.see(request);
    const end = Math.min(moments.length, (request.before ?? moments.length + 1) - 1);
    const items: HistoryItem[] = [];
    let size = 0;
    for (let index = end - 1; index >= 0 && items.length < request.limit; index -= 1) {
      const moment = moments[index] as Moment;
      const item = itemOf(request.recordType, moment, changesOf(moments[index - 1], moment, sight));
      size += JSON.stringify(item).length;
      if (items.length > 0 && size > LONGEST_PAGE) break;
      items.push(item);
    }
    const last = items.at(-1)?.version ?? 1;
    const history: RecordHistory = { items, nextBefore: last > 1 ? last : null };
    const sealed = await sealFor(toPublicJwk(request.replyJwk), JSON.stringify(history), historyContext(request.requestId));
    return { ok: true, sealed };
  }
}

function itemOf(type: RecordType, { recorded }: Moment, changes: HistoryItem['changes']): HistoryItem {
  const { id, version, event, metadata } = recorded;
  return {
    // Nobody's own: the address of one who sent a lead, as older events of leads have it.
    ...{ id, version, at: metadata.at, actorId: metadata.actorId, ip: metadata.actorId === null ? null : metadata.ip },
    type: event.type.slice(type.length).toLowerCase(),
    changes,
    ...(metadata.causationId === null ? {} : { rewindId: metadata.causationId }),
  };
}

@QueryHandler(GetCardAt)
export class GetCardAtHandler implements IQueryHandler<GetCardAt, SealedReply> {
  constructor(private readonly past: RecordPast) {}

  async execute({ request }: GetCardAt): Promise<SealedReply> {
    const { principal, moments, sight } = await this.past.see(request);
    const moment = momentAt(moments, request.at);
    if (moment?.row === undefined) return refuse('not-found');
    const { row, attribution } = moment;
    const contactIds = row['contact_ids'] as readonly string[] | undefined;
    const card: CardAt = {
      row: shownRow(row, sight),
      clear: clearPoints(moment, sight.points),
      ...(contactIds === undefined ? {} : { contacts: await this.past.contactsAt(principal, contactIds, request.at) }),
      ...(sight.attribution && attribution !== undefined ? { attribution } : {}),
    };
    const sealed = await sealFor(toPublicJwk(request.replyJwk), JSON.stringify(card), cardAtContext(request.requestId));
    return { ok: true, sealed };
  }
}

const JSON_COLUMNS: ReadonlySet<string> = new Set(['phones', 'emails']);

/** As a query of the read model gives the row: jsonb as values, and of the company's own fields those that there are. */
function shownRow(row: Columns, sight: Sight): Readonly<Record<string, unknown>> {
  const values = Object.entries(row).map(([name, value]) => {
    return [name, JSON_COLUMNS.has(name) ? (JSON.parse(String(value)) as unknown) : value] as const;
  });
  return { ...Object.fromEntries(values), custom_fields: customFieldsOf(row, sight) };
}
