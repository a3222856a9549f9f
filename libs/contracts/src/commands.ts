import { z } from 'zod';

/** Who asks, as the gateway knows him. Core believes the gateway about this, and nothing else. */
export const callerSchema = z.strictObject({
  userId: z.uuid(),
  sessionId: z.uuid().nullable(),
  tokenId: z.uuid().nullable(),
  /** The client's address, canonical IPv4 or IPv6. */
  ip: z.string().max(45),
});
export type Caller = z.infer<typeof callerSchema>;

/**
 * The caller who is nobody in particular: what is done before there is an administrator, or at the machine itself. Never a row of
 * `read.principals`.
 */
export const SYSTEM_USER_ID = '00000000-0000-8000-8000-000000000000';

/** A command on its way to core. The body travels as a JWE to core's key: the broker reads ids only. */
export const commandEnvelopeSchema = z.strictObject({
  commandId: z.uuid(),
  requestId: z.uuid(),
  caller: callerSchema,
  /** The record, user, role or department that the command names in its path. */
  targetId: z.uuid().nullable(),
  /** A second id of the path (a phone of a contact, say). */
  partId: z.uuid().nullable(),
  /** From If-Match; null where the client named none. */
  expectedVersion: z.int().min(0).nullable(),
  /** The request's content type as sent; null without a body. */
  mediaType: z.string().max(200).nullable(),
  /** Compact JWE of the raw body, bound to the command's name and id; null without a body. */
  body: z.string().nullable(),
  /** The kinds of records that the caller's API token is for, where an answer is about several; absent: all. */
  among: z.array(z.enum(['contact', 'company'])).optional(),
});
export type CommandEnvelope = z.infer<typeof commandEnvelopeSchema>;

/** What binds a sealed body to its command. */
export const bodyContext = (name: string, commandId: string): string => `${name}|${commandId}`;

/** Refusals travel as data; nothing is thrown over the wire. */
export interface RefusalReply {
  readonly ok: false;
  readonly code: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly code: string; readonly message: string }[];
  readonly retryAfterSeconds?: number;
}
export interface AcceptedReply {
  readonly ok: true;
  readonly id: string;
  readonly version: number;
}
export type CommandReply = AcceptedReply | RefusalReply;

/** The names of all commands (`crm.command.<Name>`). */
export const COMMANDS = [
  'CreateContact',
  'ChangeContact',
  'DeleteContact',
  'RestoreContact',
  'AssignContact',
  'EraseContact',
  'ImportContacts',
  'CreateCompany',
  'ChangeCompany',
  'DeleteCompany',
  'RestoreCompany',
  'AssignCompany',
  'CreateDeal',
  'ChangeDeal',
  'DeleteDeal',
  'RestoreDeal',
  'AssignDeal',
  'MoveDeal',
  'WinDeal',
  'LoseDeal',
  'ReopenDeal',
  'CreatePipeline',
  'ChangePipeline',
  'CreateFirstAdministrator',
  'CreateUser',
  'InviteUser',
  'ActivateUser',
  'ChangeUser',
  'DeactivateUser',
  'ReactivateUser',
  'CreateDepartment',
  'ChangeDepartment',
  'ChangeDepartmentRoles',
  'DeleteDepartment',
  'CreateRole',
  'ChangeRole',
  'DeleteRole',
  'ChangeSecuritySettings',
  'DefineCustomField',
  'DeleteCustomField',
  'CreateForm',
  'ChangeForm',
  'RotateFormKey',
  'DeleteForm',
  'AcceptLead',
  'DeclineLead',
  'RetryLead',
  'RewindUser',
  'RevealContactPhone',
  'RevealContactEmail',
  'RevealCompanyPhone',
  'RevealCompanyEmail',
  'LookUpPhone',
  'CallContact',
  'CallCompany',
  'ReportIncomingCall',
] as const;
export type CommandName = (typeof COMMANDS)[number];

/** `crm.query.PublicKey` → core's public key for bodies and leads. */
export interface PublicKeyReply {
  readonly ok: true;
  readonly publicJwk: Record<string, unknown>;
}

/**
 * `crm.query.ContactPoints`: the clear numbers of one record, for a viewer whom core decides about again. `sealed` is a JWE to
 * `replyJwk` of `ClearPoint[]`, bound to `contactPointsContext(requestId)`.
 */
export const contactPointsQuerySchema = z.strictObject({
  requestId: z.uuid(),
  caller: callerSchema,
  recordType: z.enum(['contact', 'company']),
  recordId: z.uuid(),
  replyJwk: z.record(z.string(), z.unknown()),
});
export type ContactPointsQuery = z.infer<typeof contactPointsQuerySchema>;
export interface ClearPoint {
  readonly id: string;
  readonly number?: string;
  readonly address?: string;
}
/** What the answer's envelope is bound to. */
export const contactPointsContext = (requestId: string): string => `ContactPoints|${requestId}`;
export type ContactPointsReply = { readonly ok: true; readonly sealed: string } | RefusalReply;

/**
 * `crm.query.AuditProof` → the head of the chain of seals, with all that it is made of (docs/adr/0011): who keeps it can tell later
 * that nothing before it was changed. Hashes in hexadecimal, the signature in base64, the public key in PEM.
 */
export interface AuditProof {
  readonly number: number;
  readonly head: string;
  readonly previousHead: string;
  readonly root: string;
  /** Events of this seal, and of all up to it. */
  readonly events: number;
  readonly total: number;
  readonly sealedAt: string;
  readonly signature: string;
  readonly keyId: string;
  readonly publicKey: string;
  /** Newer events that are not sealed yet, counted up to 10,000. */
  readonly unsealed: number;
}
export type AuditProofReply = ({ readonly ok: true } & AuditProof) | RefusalReply;

/** How the bodies of a form's leads are spelled (docs/intake.md). */
export const FORM_FORMATS = ['palisade', 'tilda', 'amocrm', 'bitrix24'] as const;
export type FormFormat = (typeof FORM_FORMATS)[number];

/** What ingest needs of every form, and nothing more. */
export interface IntakeForm {
  readonly id: string;
  readonly key: string;
  /** Stands on the form's own page, which anybody may open. */
  readonly name: string;
  readonly enabled: boolean;
  readonly allowedOrigins: readonly string[];
  readonly requireConsent: boolean;
  readonly requireSignature: boolean;
  /** Leads an hour from one address, beyond which they are put aside; null for never. */
  readonly quarantineAfter: number | null;
  readonly successUrl: string | null;
  readonly format: FormFormat;
}

/**
 * `lead.forms`: the forms in force. Secrets come sealed to `replyJwk`, as JSON of form ids and secrets, bound to
 * `formSecretsContext(requestId)`. An ingest that names no key knows neither signatures nor formats: it is told of no form with either.
 */
export const leadFormsQuerySchema = z.strictObject({
  requestId: z.uuid().optional(),
  replyJwk: z.record(z.string(), z.unknown()).optional(),
});
export type LeadFormsQuery = z.infer<typeof leadFormsQuerySchema>;
/** What the answer's envelope is bound to. */
export const formSecretsContext = (requestId: string): string => `FormSecrets|${requestId}`;
export interface LeadFormsReply {
  readonly ok: true;
  readonly publicJwk: Record<string, unknown>;
  readonly forms: readonly IntakeForm[];
  /** Compact JWE; absent where no key was named. */
  readonly secrets?: string;
}

/**
 * `crm.query.FormSecret`: the secret that core made for a form, told to who had it made, by the command that made it and for ten minutes.
 * `sealed` is a JWE to `replyJwk`, bound to `formSecretContext(requestId)`.
 */
export const formSecretQuerySchema = z.strictObject({
  requestId: z.uuid(),
  caller: callerSchema,
  formId: z.uuid(),
  commandId: z.uuid(),
  replyJwk: z.record(z.string(), z.unknown()),
});
export type FormSecretQuery = z.infer<typeof formSecretQuerySchema>;
/** What the answer's envelope is bound to. */
export const formSecretContext = (requestId: string): string => `FormSecret|${requestId}`;
export type FormSecretReply = { readonly ok: true; readonly sealed: string } | RefusalReply;

/** `lead.committed` {leadIds} → those of them that core has for good. */
export const leadCommittedQuerySchema = z.strictObject({ leadIds: z.array(z.uuid()).max(500) });
export interface LeadCommittedReply {
  readonly ok: true;
  readonly committed: readonly string[];
}

/** `lead.received.<formId>`: the sealed lead. The JWE holds `SealedLead` as JSON, bound to `leadContext(leadId)`. */
export const leadReceivedSchema = z.strictObject({
  leadId: z.uuid(),
  formId: z.uuid(),
  receivedAt: z.iso.datetime(),
  sealed: z.string(),
});
export type LeadReceived = z.infer<typeof leadReceivedSchema>;
/** What the envelope of a lead is bound to. */
export const leadContext = (leadId: string): string => `Lead|${leadId}`;

/** Why a lead is put aside before it becomes anything: a filled trap, too many from one address, or the form's own wish. */
export const QUARANTINE_REASONS = ['honeypot', 'rate', 'form'] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/** The plain body of a lead, inside the JWE only. */
export const sealedLeadSchema = z.strictObject({
  name: z.string().optional(),
  phone: z.string().optional(),
  email: z.string().optional(),
  company: z.string().optional(),
  title: z.string().optional(),
  message: z.string().optional(),
  attribution: z.record(z.string(), z.string()).default({}),
  consent: z.strictObject({ textId: z.string(), givenAt: z.string() }).optional(),
  ip: z.string(),
  /** Set by ingest: `honeypot` or `rate`. What the form itself wants, core knows. */
  quarantineReason: z.enum(QUARANTINE_REASONS).optional(),
});
export type SealedLead = z.infer<typeof sealedLeadSchema>;
