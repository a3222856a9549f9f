import type { ContactPoint } from '../../records/domain/contact-point.js';
import type { CustomValues } from '../../records/domain/custom-values.js';
import type { PersonalText } from '../../records/domain/personal-text.js';
import type { RecordEvent } from '../../records/domain/record.decider.js';

export interface ContactFields {
  readonly name: PersonalText;
  readonly phones: readonly ContactPoint[];
  readonly emails: readonly ContactPoint[];
  readonly companyId: string | null;
  readonly note: PersonalText | null;
  readonly tags: readonly PersonalText[];
  /** Whole where a record is made; in a change the fields changed, null where one was emptied. */
  readonly customFields: CustomValues;
}

/** What an erasure did, by ids: the destruction act is made of it. Nothing of the person stands in it. */
export interface Erasure {
  /** Who was responsible: decides who may hear that the person was erased. */
  readonly responsibleId: string | null;
  /** Why, as the eraser wrote it; numbers, e-mails and the person's name in it are masked for good. */
  readonly reason: string;
  /** The number of the person's request or the like; masked likewise. */
  readonly requestRef: string | null;
  /** Kinds of personal data that were there. */
  readonly categories: readonly ErasedCategory[];
  /** Deals of his alone: their texts are gone with him. */
  readonly erasedDealIds: readonly string[];
  /** Deals shared with others: they keep their texts. */
  readonly keptDealIds: readonly string[];
  readonly erasedLeadIds: readonly string[];
}
export type ErasedCategory = 'name' | 'phones' | 'emails' | 'note' | 'tags' | 'customFields' | 'deals' | 'leads';

export type ContactEvent = RecordEvent<'Contact', ContactFields> | { readonly type: 'ContactErased'; readonly data: Erasure };

/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const CONTACT_EVENT_VERSIONS = {
  ContactCreated: 2,
  ContactChanged: 2,
  ContactAssigned: 1,
  ContactDeleted: 1,
  ContactRestored: 1,
  ContactErased: 1,
} as const;
