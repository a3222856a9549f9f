import type { ContactPoint } from '../../records/domain/contact-point.js';
import type { CustomValues } from '../../records/domain/custom-values.js';
import type { PersonalText } from '../../records/domain/personal-text.js';
import type { RecordEvent } from '../../records/domain/record.decider.js';

export interface CompanyFields {
  readonly name: PersonalText;
  readonly phones: readonly ContactPoint[];
  readonly emails: readonly ContactPoint[];
  readonly website: PersonalText | null;
  readonly address: PersonalText | null;
  readonly note: PersonalText | null;
  readonly tags: readonly PersonalText[];
  /** Whole where a record is made; in a change the fields changed, null where one was emptied. */
  readonly customFields: CustomValues;
}

export type CompanyEvent = RecordEvent<'Company', CompanyFields>;

/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const COMPANY_EVENT_VERSIONS = {
  CompanyCreated: 2,
  CompanyChanged: 2,
  CompanyAssigned: 1,
  CompanyDeleted: 1,
  CompanyRestored: 1,
} as const;
