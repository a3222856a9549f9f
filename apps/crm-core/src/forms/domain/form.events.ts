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
  readonly successUrl: string | null;
}

export type FormEvent =
  | { readonly type: 'FormCreated'; readonly data: FormFields & { readonly key: string } }
  | { readonly type: 'FormChanged'; readonly data: Partial<FormFields> };

export const FORM_EVENT_VERSIONS = { FormCreated: 1, FormChanged: 1 } as const;
