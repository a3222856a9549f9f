import { z } from 'zod';
import { callerSchema, type RefusalReply } from './commands.js';

/** What was done to a record, as a rewind names it. */
export const CHANGE_KINDS = [
  'created',
  'changed',
  'assigned',
  'moved',
  'won',
  'lost',
  'reopened',
  'deleted',
  'restored',
] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** One event that a rewind undoes, at least partly: ids and names of fields, no values. */
export interface RewindChange {
  readonly recordType: 'contact' | 'company' | 'deal';
  readonly recordId: string;
  readonly version: number;
  readonly kind: ChangeKind;
  /** The fields that are put back. */
  readonly fields: readonly string[];
}

/** A field that stays as it is. `kind`, `version` and `fields` are those of the last event of the person that touched it. */
export interface RewindConflict extends RewindChange {
  readonly field: string;
  /** Who touched it after; null where nobody in particular did (lead intake, a destroyed key). */
  readonly changedBy: string | null;
  readonly reason: 'changed-later' | 'erased';
}

/** `preview`: planned and nothing more. `failed`: what could be undone is, and the rest is not. */
export type RewindState = 'preview' | 'running' | 'done' | 'failed';

/** Where a page of a rewind's list ends: entries come newest first. */
const rewindPositionSchema = z.strictObject({ seq: z.int().min(0), field: z.string().max(200) });
export type RewindPosition = z.infer<typeof rewindPositionSchema>;

/** `crm.query.Rewind`: one page of a rewind's changes or conflicts, with its state. Pages keep below the broker's message size. */
export const rewindQuerySchema = z.strictObject({
  caller: callerSchema,
  rewindId: z.uuid(),
  list: z.enum(['changes', 'conflicts']),
  /** The `next` of the page before. */
  after: rewindPositionSchema.nullable(),
});
export type RewindQuery = z.infer<typeof rewindQuerySchema>;

export interface RewindPage {
  readonly ok: true;
  readonly state: RewindState;
  /** Entries of `changes` that are undone by now, of `total`. */
  readonly done: number;
  readonly total: number;
  readonly entries: readonly (RewindChange | RewindConflict)[];
  readonly next: RewindPosition | null;
}
export type RewindReply = RewindPage | RefusalReply;
