import type { FormFormat } from '#contracts';
import type { Secret } from '#kernel';

/** Where the leads of a form go: to one person, to the active members of a department in turn, or to nobody. */
export type FormAssignment = { readonly userId: string } | { readonly departmentId: string } | null;

export interface FormFields {
  readonly name: string;
  readonly enabled: boolean;
  /** Origins of foreign pages whose browsers may post; empty: none. */
  readonly allowedOrigins: readonly string[];
  readonly pipelineId: string | null;
  readonly stageId: string | null;
  /** With the placeholders {form}, {date} and {number}; nothing of the lead. */
  readonly titleTemplate: string;
  readonly assign: FormAssignment;
  readonly requireConsent: boolean;
  /** Whether a lead comes only with a signature under the form's secret. */
  readonly requireSignature: boolean;
  /** Whether every lead of the form is put aside first. */
  readonly quarantine: boolean;
  /** Leads an hour from one address, beyond which they are put aside; null for never. */
  readonly quarantineAfter: number | null;
  readonly successUrl: string | null;
  readonly format: FormFormat;
}

export type FormEvent =
  | { readonly type: 'FormCreated'; readonly data: FormFields & { readonly key: string } }
  | { readonly type: 'FormChanged'; readonly data: Partial<FormFields> }
  | { readonly type: 'FormKeyRotated'; readonly data: { readonly key: string } }
  /** Its key is dead. What was taken before still becomes a deal as the form said. */
  | { readonly type: 'FormDeleted'; readonly data: Readonly<Record<string, never>> };

export const FORM_EVENT_VERSIONS = { FormCreated: 2, FormChanged: 2, FormKeyRotated: 1, FormDeleted: 1 } as const;

/** What a form of the first shape was, without saying it. */
export const FIRST_SHAPE_FIELDS = {
  requireSignature: false,
  quarantine: false,
  quarantineAfter: 60,
  format: 'palisade',
} as const;

/** The secret of a form stands in a stream of its own, `form-secret-<form id>`, which has a data key. */
export interface FormSecretEvent {
  readonly type: 'FormSecretSet';
  readonly data: {
    readonly secret: Secret<string>;
    /** Made by core; the client is told it once. */
    readonly generated: boolean;
  };
}

export const FORM_SECRET_EVENT_VERSIONS = { FormSecretSet: 1 } as const;
