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

export type ContactEvent = RecordEvent<'Contact', ContactFields>;

/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const CONTACT_EVENT_VERSIONS = {
  ContactCreated: 2,
  ContactChanged: 2,
  ContactAssigned: 1,
  ContactDeleted: 1,
  ContactRestored: 1,
} as const;
