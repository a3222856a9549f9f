import type { QuarantineReason } from '#contracts';
import type { Secret } from '#kernel';
import type { PersonalText } from '../../records/domain/personal-text.js';

/** A lead became a contact and a deal. Its own words are sealed with the lead's key. */
export interface AcceptedLead {
  readonly formId: string;
  readonly contactId: string;
  readonly dealId: string;
  readonly receivedAt: string;
  /** True when the person was known already. */
  readonly matched: boolean;
  /** Contacts that had the number or address, where they were several and the lead made another one. */
  readonly possibleDuplicates: readonly string[];
  readonly message: PersonalText | null;
  readonly consent: { readonly textId: string; readonly givenAt: string } | null;
}

/** What was sent, as it was sent. */
export interface SentLead {
  readonly name?: string;
  readonly phone?: string;
  readonly email?: string;
  readonly company?: string;
  readonly title?: string;
  readonly message?: string;
  readonly attribution: Readonly<Record<string, string>>;
  readonly consent?: { readonly textId: string; readonly givenAt: string };
  readonly ip: string;
}

/** What lists show of a lead that waits: masked, once, on write, so that every rebuild shows the same. */
export interface MaskedLead {
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
  readonly company: string | null;
  readonly title: string | null;
  readonly message: string | null;
  readonly attribution: Readonly<Record<string, string>>;
}

export interface QuarantinedLead {
  readonly formId: string;
  readonly receivedAt: string;
  readonly reason: QuarantineReason;
  readonly content: Secret<{ readonly sent: SentLead; readonly masked: MaskedLead }>;
}

/** It failed too often. `reason` is a code or the name of a class of errors; `masked` is null when it does not even open. */
export interface SetAsideLead {
  readonly formId: string;
  readonly receivedAt: string;
  readonly reason: string;
  readonly content: Secret<{ readonly received: string; readonly masked: MaskedLead | null }>;
}

export type LeadEvent =
  | { readonly type: 'LeadAccepted'; readonly data: AcceptedLead }
  | { readonly type: 'LeadQuarantined'; readonly data: QuarantinedLead }
  | { readonly type: 'LeadSetAside'; readonly data: SetAsideLead }
  /** Somebody let it go on from where it waited; what becomes of it follows in the same append. */
  | { readonly type: 'LeadReleased'; readonly data: { readonly from: 'quarantined' | 'set-aside' } }
  /** Nobody wants it; `LeadErased` follows in the same append. */
  | { readonly type: 'LeadDeclined'; readonly data: Readonly<Record<string, never>> }
  /** Its words are gone: with the person whom it became or speaks of, or (null) because it was declined. */
  | { readonly type: 'LeadErased'; readonly data: { readonly contactId: string | null } };

/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const LEAD_EVENT_VERSIONS = {
  LeadAccepted: 2,
  LeadQuarantined: 1,
  LeadSetAside: 1,
  LeadReleased: 1,
  LeadDeclined: 1,
  LeadErased: 2,
} as const;
