import type { PersonalText } from '../../records/domain/personal-text.js';

/** A lead became a contact and a deal. Its own words are sealed with the lead's key. */
export type LeadEvent = {
  readonly type: 'LeadAccepted';
  readonly data: {
    readonly formId: string;
    readonly contactId: string;
    readonly dealId: string;
    readonly receivedAt: string;
    /** True when the person was known already. */
    readonly matched: boolean;
    readonly message: PersonalText | null;
    readonly consent: { readonly textId: string; readonly givenAt: string } | null;
  };
};

export const LEAD_EVENT_VERSIONS = { LeadAccepted: 1 } as const;
