import type { Secret } from '#kernel';
import type { CustomValues } from '../../records/domain/custom-values.js';
import type { PersonalText } from '../../records/domain/personal-text.js';
import type { RecordEvent } from '../../records/domain/record.decider.js';

/** `value` is a decimal with exactly two decimals (`1500.00`), at most 18 digits before the point; `currency` an ISO 4217 code. */
export interface Amount {
  readonly value: string;
  readonly currency: string;
}

/** Where a lead came from, by key: as sent, and with numbers and e-mails masked. A protected class of data of its own. */
export type DealAttribution = Secret<Readonly<Record<string, { readonly text: string; readonly masked: string }>>>;

/** What a PATCH can change. */
export interface DealFields {
  readonly title: PersonalText;
  readonly amount: Amount | null;
  readonly contactIds: readonly string[];
  readonly companyId: string | null;
  readonly note: PersonalText | null;
  readonly tags: readonly PersonalText[];
  /** Whole where a record is made; in a change the fields changed, null where one was emptied. */
  readonly customFields: CustomValues;
}

/** Where a deal stands. The pipeline stays; the stage changes by moving. */
export interface DealPlace {
  readonly pipelineId: string;
  readonly stageId: string;
}

type SharedEvent = RecordEvent<'Deal', DealFields>;
type SharedCreated = Extract<SharedEvent, { readonly type: 'DealCreated' }>;

/** `attribution` is a field beside the others and never inside one: it is null unless lead intake made the deal. */
export type DealEvent =
  | Exclude<SharedEvent, SharedCreated>
  | {
      readonly type: 'DealCreated';
      readonly data: SharedCreated['data'] & DealPlace & { readonly attribution: DealAttribution | null };
    }
  | { readonly type: 'DealMoved'; readonly data: { readonly stageId: string } }
  | { readonly type: 'DealWon'; readonly data: Readonly<Record<string, never>> }
  | { readonly type: 'DealLost'; readonly data: { readonly reason: PersonalText } }
  | { readonly type: 'DealReopened'; readonly data: Readonly<Record<string, never>> }
  /** Its only contact was erased, and what the deal said with him: `keyOwner` names the key that is destroyed. */
  | { readonly type: 'DealErased'; readonly data: { readonly contactId: string; readonly keyOwner: string } };

/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const DEAL_EVENT_VERSIONS = {
  DealCreated: 2,
  DealChanged: 2,
  DealAssigned: 1,
  DealDeleted: 1,
  DealRestored: 1,
  DealMoved: 1,
  DealWon: 1,
  DealLost: 1,
  DealReopened: 1,
  DealErased: 1,
} as const;
