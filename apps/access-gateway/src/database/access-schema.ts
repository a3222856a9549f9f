import type { ColumnType, Generated } from 'kysely';
import type { JsonColumn, ReadSchema, TimeColumn } from '#contracts';

type StampColumn = ColumnType<Date, Date | string | undefined, Date | string>;
type LaterTimeColumn = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;

export interface CredentialsTable {
  user_id: string;
  /** Argon2id in PHC form. */
  password_hash: string;
  version: Generated<number>;
  updated_at: StampColumn;
}

export interface InvitationsTable {
  token_hash: Buffer;
  user_id: string;
  created_at: StampColumn;
  expires_at: TimeColumn;
  ended_at: LaterTimeColumn;
}

export type EndReason = 'signed-out' | 'ended-by-owner' | 'password-changed' | 'second-factor-changed' | 'deactivated';

export interface SessionsTable {
  id: string;
  /** SHA-256 of the token. */
  token_hash: Buffer;
  user_id: string;
  /** The person's epoch when it began: a reactivation leaves old sessions dead. */
  epoch: number;
  ip: string;
  created_at: StampColumn;
  last_seen_at: StampColumn;
  expires_at: TimeColumn;
  ended_at: LaterTimeColumn;
  ended_reason: EndReason | null;
}

export interface ApiTokensTable {
  id: string;
  token_hash: Buffer;
  user_id: string;
  epoch: number;
  name: string;
  scopes: string[];
  cidrs: string[];
  created_at: StampColumn;
  expires_at: LaterTimeColumn;
  ended_at: LaterTimeColumn;
  ended_reason: EndReason | null;
}

/** One failed sign-in. The account is an HMAC: names that do not exist are tried too. */
export interface SignInFailuresTable {
  id: Generated<string>;
  account: Buffer;
  ip: string;
  at: StampColumn;
  /** The password was right, the second factor was not. */
  at_second_factor: Generated<boolean>;
}

/** A person's TOTP secret, sealed with the factor key; pending until confirmed. */
export interface SecondFactorsTable {
  user_id: string;
  sealed_secret: string;
  /** The time step (RFC 6238) of the last code accepted: none at or before it is accepted again. */
  last_step: Generated<number>;
  created_at: StampColumn;
  confirmed_at: LaterTimeColumn;
}

/** HMACs under the factor key. */
export interface RecoveryCodesTable {
  code_hash: Buffer;
  user_id: string;
  created_at: StampColumn;
  used_at: LaterTimeColumn;
}

/** Addresses from which a person has signed in: a stranger's failures elsewhere do not keep him out there. */
export interface KnownAddressesTable {
  user_id: string;
  ip: string;
  last_at: StampColumn;
}

/** Kept for good; core copies each row once into the chained trail. No values of people: ids, codes, HMACs. */
export interface AuditTable {
  id: string;
  at: StampColumn;
  type: string;
  actor_id: string | null;
  ip: string | null;
  details: JsonColumn<Record<string, unknown>>;
}

export type ExportState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** An export of rows: who asked, which rows passed the gate, and how far it is. */
export interface ExportsTable {
  id: string;
  user_id: string;
  /** The person's epoch when it was asked for: a reactivation leaves old exports dead. */
  epoch: number;
  record_type: 'contact' | 'company' | 'deal';
  format: 'csv' | 'xlsx';
  of_deleted: boolean;
  /** HMAC of what was asked: tells a repeat from another request. */
  request_hmac: Buffer;
  state: Generated<ExportState>;
  /** In the order of the file; emptied when the file is gone. */
  row_ids: string[];
  rows: number;
  done: Generated<number>;
  /** The export's own data key, wrapped; null: the file is gone. */
  wrapped_key: Buffer | null;
  /** Rises with each gateway that takes the work up: the one before writes no more. */
  claims: Generated<number>;
  lease_until: LaterTimeColumn;
  created_at: StampColumn;
  finished_at: LaterTimeColumn;
}

export interface WebhooksTable {
  id: string;
  /** URL and secret, sealed for this webhook; null: it has ended. */
  sealed: string | null;
  types: string[];
  /** HMAC of what was asked: tells a repeat from another request. */
  request_hmac: Buffer;
  /** Alarms with a later id are for it. */
  after_alarm_id: Generated<string>;
  /** The last one that was looked at for it; null: none yet. */
  noted_alarm_id: string | null;
  created_by: string;
  created_at: StampColumn;
  ended_at: LaterTimeColumn;
}

export type DeliveryState = 'pending' | 'delivered' | 'dead';
/** An alarm for a webhook. */
export interface WebhookDeliveriesTable {
  webhook_id: string;
  alarm_id: string;
  type: string;
  /** What is sent; null when it was taken. */
  body: string | null;
  state: Generated<DeliveryState>;
  attempts: Generated<number>;
  due_at: StampColumn;
  /** Whoever tries it has it until then. */
  lease_until: LaterTimeColumn;
  last_fault: string | null;
  last_status: number | null;
  created_at: StampColumn;
  finished_at: LaterTimeColumn;
}

/** Masked rows as JSON, sealed with the export's data key for this export and place. */
export interface ExportPartsTable {
  export_id: string;
  first_row: number;
  /** Rows that were looked at; those out of reach meanwhile are not in it. */
  row_count: number;
  sealed: string;
}

export type ImportState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** An import of lines: who asked, and how far it is. What the lines hold is in its parts. */
export interface ImportsTable {
  id: string;
  user_id: string;
  epoch: number;
  session_id: string | null;
  token_id: string | null;
  ip: string;
  dry_run: boolean;
  /** HMAC of what was sent: tells a repeat from another request. */
  request_hmac: Buffer;
  state: Generated<ImportState>;
  /** Lines of the file but the header. */
  rows: number;
  done: Generated<number>;
  refused: Generated<number>;
  /** The first of the refused lines: numbers and codes. */
  refused_lines: JsonColumn<readonly { readonly line: number; readonly code: string }[]>;
  claims: Generated<number>;
  lease_until: LaterTimeColumn;
  created_at: StampColumn;
  finished_at: LaterTimeColumn;
}

/** Lines that core has not judged yet, sealed to core's key: no gateway can read them. */
export interface ImportPartsTable {
  import_id: string;
  part: number;
  row_count: number;
  command_id: string;
  sealed: string;
}

export interface SecretsTable {
  name: string;
  value: Buffer;
}

export interface GatewaySchema extends ReadSchema {
  'access.credentials': CredentialsTable;
  'access.invitations': InvitationsTable;
  'access.sessions': SessionsTable;
  'access.api_tokens': ApiTokensTable;
  'access.sign_in_failures': SignInFailuresTable;
  'access.second_factors': SecondFactorsTable;
  'access.recovery_codes': RecoveryCodesTable;
  'access.known_addresses': KnownAddressesTable;
  'access.audit': AuditTable;
  'access.secrets': SecretsTable;
  'access.exports': ExportsTable;
  'access.export_parts': ExportPartsTable;
  'access.imports': ImportsTable;
  'access.import_parts': ImportPartsTable;
  'access.webhooks': WebhooksTable;
  'access.webhook_deliveries': WebhookDeliveriesTable;
}
