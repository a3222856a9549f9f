import { z } from 'zod';
import { callerSchema, type ClearPoint, type RefusalReply } from './commands.js';

const asked = {
  requestId: z.uuid(),
  caller: callerSchema,
  recordType: z.enum(['contact', 'company', 'deal']),
  recordId: z.uuid(),
  /** The reply is a JWE to this key: values of people are in it. */
  replyJwk: z.record(z.string(), z.unknown()),
};

/**
 * `crm.query.History`: what happened to a record, newest first, older than the version `before` (null: all of it). `sealed` is a JWE of
 * `RecordHistory`, bound to `historyContext(requestId)`.
 */
export const historyQuerySchema = z.strictObject({
  ...asked,
  limit: z.int().min(1).max(200),
  before: z.int().min(1).nullable(),
});
export type HistoryQuery = z.infer<typeof historyQuerySchema>;
/** What the answer's envelope is bound to. */
export const historyContext = (requestId: string): string => `History|${requestId}`;

/** A field with its values as the viewer's card shows them: masked, and with numbers only where he may see them. */
export interface HistoryChange {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}
export interface HistoryItem {
  readonly id: string;
  readonly version: number;
  readonly at: string;
  readonly actorId: string | null;
  readonly ip: string | null;
  /** `created`, `changed`, `assigned`, `moved`, `deleted`, `restored` and the like. */
  readonly type: string;
  readonly changes: readonly HistoryChange[];
  /** The rewind that made the change, if one did. */
  readonly rewindId?: string;
}
export interface RecordHistory {
  readonly items: readonly HistoryItem[];
  /** The version before which the next page begins; null on the last one. */
  readonly nextBefore: number | null;
}

/**
 * `crm.query.CardAt`: a record as it was at a moment. `sealed` is a JWE of `CardAt`, bound to `cardAtContext(requestId)`. Refused
 * `not-found` when it was not there then.
 */
export const cardAtQuerySchema = z.strictObject({ ...asked, at: z.iso.datetime({ offset: true }) });
export type CardAtQuery = z.infer<typeof cardAtQuerySchema>;
/** What the answer's envelope is bound to. */
export const cardAtContext = (requestId: string): string => `CardAt|${requestId}`;

export interface CardAt {
  /** The columns of the read model as they were; times as ISO 8601. */
  readonly row: Readonly<Record<string, unknown>>;
  readonly contacts?: readonly { readonly id: string; readonly name?: string }[];
  readonly attribution?: Readonly<Record<string, string>>;
  readonly clear: readonly ClearPoint[];
}

export type SealedReply = { readonly ok: true; readonly sealed: string } | RefusalReply;
