import { z } from 'zod';
import type { Fact } from '#messaging';
import { decide, type Principal, type RecordType } from '#policy';
import type { Who } from '../requests/request-context.js';
import { SCOPE_OF } from './record-scopes.js';

/** A fact of the log about a record: ids and names, no values. */
const factSchema = z.object({
  id: z.uuid(),
  type: z.string(),
  at: z.iso.datetime(),
  category: z.enum(['contact', 'company', 'deal']),
  recordId: z.uuid(),
  version: z.int(),
  changed: z.array(z.string()),
});

/** A fact of a call that came in from a number of a record. */
const callFactSchema = z.object({
  id: z.uuid(),
  type: z.literal('CallReceived'),
  at: z.iso.datetime(),
  recordId: z.uuid(),
  from: z.object({ recordType: z.enum(['contact', 'company']), recordId: z.uuid(), phoneId: z.uuid() }),
});

/** What the stream says of a change. */
export interface RecordMessage {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly changed: readonly string[];
  readonly at: string;
}

export interface RecordChange {
  readonly eventId: string;
  readonly recordType: RecordType;
  readonly message: RecordMessage;
  /** Set where nothing changed and the record's number is calling. */
  readonly ringing?: { readonly callId: string; readonly phoneId: string };
}

/** What the stream says to the responsible person while a number is calling. */
export interface RingingMessage {
  readonly type: typeof RINGING;
  /** The card's. */
  readonly id: string;
  readonly recordType: RecordType;
  readonly callId: string;
  readonly phoneId: string;
  readonly masked: string;
  readonly at: string;
}
export const RINGING = 'call.ringing';
/** What rang longer ago than this rings no more: it is not told to who comes back to his stream. */
const RINGS_FOR_MS = 60_000;

/** The record as it is now. Erased: what is left is whose it was. */
export interface PresentRecord {
  readonly responsibleId: string | null;
  readonly standing: 'live' | 'deleted' | 'erased';
  /** A deal that came with attribution. */
  readonly hasAttribution: boolean;
  /** The masks of its phones by their ids, where one of them is calling. */
  readonly masks: ReadonlyMap<string, string>;
}

const ATTRIBUTION = 'attribution';
/** The fields of the API. A name that is not here is not told to anybody. */
const FIELDS: Readonly<Record<RecordType, ReadonlySet<string>>> = {
  contact: new Set(['name', 'phones', 'emails', 'companyId', 'note', 'tags', 'customFields', 'responsibleId', 'leadId']),
  company: new Set(['name', 'phones', 'emails', 'website', 'address', 'note', 'tags', 'customFields', 'responsibleId']),
  deal: new Set([
    ...['title', 'amount', 'contactIds', 'companyId', 'note', 'tags', 'customFields', 'responsibleId', 'leadId'],
    ...['pipelineId', 'stageId', ATTRIBUTION],
  ]),
};

/** What an event of a record is on the stream, and which fields it changes where its data does not name them as the API does. */
const KINDS: Readonly<Record<string, { readonly type: string; readonly changed?: readonly string[] }>> = {
  ...Object.fromEntries(
    (['Contact', 'Company', 'Deal'] as const).flatMap((noun) =>
      ['Created', 'Changed', 'Assigned', 'Deleted', 'Restored'].map((verb) => [
        noun + verb,
        { type: `${noun.toLowerCase()}.${verb.toLowerCase()}` },
      ]),
    ),
  ),
  ContactErased: { type: 'contact.erased', changed: [] },
  DealMoved: { type: 'deal.moved' },
  DealWon: { type: 'deal.won', changed: ['status'] },
  DealLost: { type: 'deal.lost', changed: ['status', 'loseReason'] },
  DealReopened: { type: 'deal.reopened', changed: ['status', 'loseReason'] },
  // The person is gone and what the deal said with him; the deal itself stays.
  DealErased: { type: 'deal.changed', changed: ['title', 'note', 'tags', 'customFields', 'loseReason', ATTRIBUTION] },
};

/** Every type of message that the stream sends of records. */
export const RECORD_MESSAGE_TYPES: readonly string[] = [...new Set(Object.values(KINDS).map(({ type }) => type))];

/** Null for a fact that is of no record, or of a kind that is not known here. */
export function changeOf({ payload }: Pick<Fact, 'payload'>): RecordChange | null {
  const parsed = factSchema.safeParse(payload);
  if (!parsed.success) return ringingOf(payload);
  const { id: eventId, type, at, category: recordType, recordId, version, changed } = parsed.data;
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind === undefined) return null;
  const names = kind.changed ?? changed.filter((name) => FIELDS[recordType].has(name));
  return { eventId, recordType, message: { type: kind.type, id: recordId, version, changed: names, at } };
}

function ringingOf(payload: unknown): RecordChange | null {
  const parsed = callFactSchema.safeParse(payload);
  if (!parsed.success) return null;
  const { id: eventId, at, recordId: callId, from } = parsed.data;
  const message = { type: RINGING, id: from.recordId, version: 0, changed: [], at };
  return { eventId, recordType: from.recordType, message, ringing: { callId, phoneId: from.phoneId } };
}

/**
 * What the reader is told of a number that is calling: who is responsible for the record now, and may see it. The mask is that of the
 * card. `nowMs`: milliseconds since 1970.
 */
export function ringingFor(
  who: Pick<Who, 'principal' | 'scopes'>,
  { recordType, message, ringing }: RecordChange,
  now: PresentRecord,
  nowMs: number,
): RingingMessage | null {
  if (ringing === undefined || now.standing !== 'live' || now.responsibleId !== who.principal.userId) return null;
  if (who.scopes !== null && !who.scopes.has(SCOPE_OF[recordType])) return null;
  if (!decide(who.principal, recordType, 'view', now).allowed) return null;
  const masked = now.masks.get(ringing.phoneId);
  if (masked === undefined || Date.parse(message.at) < nowMs - RINGS_FOR_MS) return null;
  return { type: RINGING, id: message.id, recordType, ...ringing, masked, at: message.at };
}

/**
 * What this reader is told of the change; null for nothing. Decided on the record as it is now: one that is deleted is there for nobody,
 * save that it was deleted is told to those whose right reaches it; an erased person likewise.
 */
export function messageFor(
  who: Pick<Who, 'principal' | 'scopes'>,
  change: RecordChange,
  now: PresentRecord,
): RecordMessage | null {
  const { recordType, message } = change;
  if (who.scopes !== null && !who.scopes.has(SCOPE_OF[recordType])) return null;
  if (now.standing === 'deleted' && !message.type.endsWith('.deleted')) return null;
  if ((now.standing === 'erased') !== message.type.endsWith('.erased')) return null;
  if (!decide(who.principal, recordType, 'view', now).allowed) return null;
  if (!message.changed.includes(ATTRIBUTION) || maySeeAttribution(who.principal, message, now)) return message;
  return { ...message, changed: message.changed.filter((name) => name !== ATTRIBUTION) };
}

/** A creation names every field there can be: attribution only where there is some. */
function maySeeAttribution(principal: Principal, { type }: RecordMessage, now: PresentRecord): boolean {
  if (type === 'deal.created' && !now.hasAttribution) return false;
  return decide(principal, ATTRIBUTION, 'view', now).allowed;
}
