import type { RecordType } from '#policy';

export const CUSTOM_FIELD_TYPES = ['text', 'number', 'date', 'boolean', 'choice', 'phone'] as const;
export type CustomFieldType = (typeof CUSTOM_FIELD_TYPES)[number];

/** What a company records beyond the built-in fields of one kind of record. Its words are unsealed, so masked for good. */
export interface CustomFieldDefinition {
  readonly recordType: RecordType;
  readonly name: string;
  readonly type: CustomFieldType;
  /** For `choice` only: what may be chosen, each once, in the order of display. */
  readonly choices: readonly string[] | null;
}

/** A definition never changes its type: values are sealed by it. Another type is another field. */
export type CustomFieldEvent =
  | { readonly type: 'CustomFieldDefined'; readonly data: CustomFieldDefinition }
  | { readonly type: 'CustomFieldDeleted'; readonly data: Readonly<Record<string, never>> };

/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const CUSTOM_FIELD_EVENT_VERSIONS = { CustomFieldDefined: 1, CustomFieldDeleted: 1 } as const;
