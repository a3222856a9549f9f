import type { PersonalText } from '../../records/domain/personal-text.js';

/** A lead became a contact and a deal. Its own words are sealed with the lead's key. */
export interface AcceptedLead {
  readonly formId: string;
  readonly contactId: string;
  readonly dealId: string;
  readonly receivedAt: string;
  /** True when the person was known already. */
  readonly matched: boolean;
  readonly message: PersonalText | null;
  readonly consent: { readonly textId: string; readonly givenAt: string } | null;
}

export type LeadEvent =
  | { readonly type: 'LeadAccepted'; readonly data: AcceptedLead }
  /** The person whom it became was erased, and its words with him. */
  | { readonly type: 'LeadErased'; readonly data: { readonly contactId: string } };

/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const LEAD_EVENT_VERSIONS = { LeadAccepted: 1, LeadErased: 1 } as const;
