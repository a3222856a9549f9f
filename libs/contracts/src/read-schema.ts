import type { ColumnType, Generated } from 'kysely';
import type { SecuritySettings } from './security-settings.js';

/**
 * The schema `read`: written by core in the transaction of the append, read by the gateway (SELECT only). It holds masked numbers
 * and masked free text; a clear number never stands here. Every row carries the version of its stream that it reflects.
 */
export type JsonColumn<T> = ColumnType<T, string, string>;
export type TimeColumn = ColumnType<Date, Date | string, Date | string>;

export interface MaskedPhone {
  readonly id: string;
  readonly label: string | null;
  readonly masked: string;
  readonly unverified?: true;
}
export type MaskedEmail = MaskedPhone;
/** A phone is its mask in an object: it cannot travel back as data. null: emptied. */
export type CustomFieldValue = string | number | boolean | null | { readonly masked: string };

interface RecordColumns {
  id: string;
  responsible_id: string | null;
  note: string | null;
  tags: string[];
  custom_fields: JsonColumn<Record<string, CustomFieldValue>>;
  created_by: string | null;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  deleted_at: TimeColumn | null;
  version: number;
}

export interface ContactsTable extends RecordColumns {
  name: string;
  phones: JsonColumn<readonly MaskedPhone[]>;
  emails: JsonColumn<readonly MaskedEmail[]>;
  company_id: string | null;
  lead_id: string | null;
}

export interface CompaniesTable extends RecordColumns {
  name: string;
  phones: JsonColumn<readonly MaskedPhone[]>;
  emails: JsonColumn<readonly MaskedEmail[]>;
  website: string | null;
  address: string | null;
}

export interface DealsTable extends RecordColumns {
  title: string;
  /** Decimal string (numeric) or null. */
  amount: string | null;
  /** ISO 4217 code or null. */
  currency: string | null;
  pipeline_id: string;
  stage_id: string;
  status: 'open' | 'won' | 'lost';
  /** Masked; of a lost deal only. */
  lose_reason: string | null;
  contact_ids: string[];
  company_id: string | null;
  lead_id: string | null;
}

/** A protected class of data in a table of its own: the reader joins it only for those with `attribution.view`. */
export interface DealAttributionsTable {
  deal_id: string;
  values: JsonColumn<Record<string, string>>;
  version: number;
}

export interface PipelinesTable {
  id: string;
  name: string;
  stages: JsonColumn<readonly { id: string; name: string }[]>;
  position: number;
  version: number;
}

/** Fields of a company's own making. `choices` for the type `choice` only. */
export interface CustomFieldsTable {
  id: string;
  record_type: 'contact' | 'company' | 'deal';
  name: string;
  type: 'text' | 'number' | 'date' | 'boolean' | 'choice' | 'phone';
  choices: string[] | null;
  version: number;
}

export interface UsersTable {
  id: string;
  email: string;
  name: string;
  status: 'invited' | 'active' | 'deactivated';
  is_admin: boolean;
  role_ids: string[];
  department_id: string | null;
  created_at: TimeColumn;
  updated_at: TimeColumn;
  version: number;
}

/**
 * What the gate and the policy know of a person. `role_ids` are those given to him; `read.roles_of_department` gives what he holds
 * besides. `epoch` rises with each reactivation.
 */
export interface PrincipalsTable {
  user_id: string;
  status: 'invited' | 'active' | 'deactivated';
  is_admin: boolean;
  department_id: string | null;
  role_ids: string[];
  epoch: number;
  epoch_since: TimeColumn;
  version: number;
}

export interface RolesTable {
  id: string;
  name: string;
  extends_id: string | null;
  grants: JsonColumn<Record<string, Record<string, string>>>;
  require_second_factor: boolean;
  version: number;
}

export interface DepartmentsTable {
  id: string;
  name: string;
  parent_id: string | null;
  role_ids: string[];
  version: number;
}

export interface FormsTable {
  id: string;
  key: string;
  name: string;
  enabled: boolean;
  /** No key opens it any more; leads taken before still come. */
  deleted: boolean;
  settings: JsonColumn<Record<string, unknown>>;
  version: number;
}

/** What a lead says as lists show it: masked. `phone` and `email` are masks; null where nothing was given. */
export interface ShownLead {
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
  readonly company: string | null;
  readonly title: string | null;
  readonly message: string | null;
}

/** Every lead that is not erased. What it says stands here only while somebody has to look at it. */
export interface LeadsTable {
  id: string;
  form_id: string;
  state: 'quarantined' | 'set-aside' | 'accepted';
  /** A code: why it was put or set aside; null of an accepted one. */
  reason: string | null;
  received_at: TimeColumn;
  /** Null of an accepted lead, and of one that could not be read. */
  shown: JsonColumn<ShownLead> | null;
  /** Masked; a protected class of data, null likewise and where there is none. */
  attribution: JsonColumn<Record<string, string>> | null;
  /** Contacts that had the lead's number or address when it became a new one. */
  possible_duplicates: string[];
  version: number;
}

/** One row. `authz_version` rises in every append that changes a right, a role, a person, a department or these settings. */
export interface SecurityTable {
  singleton: Generated<boolean>;
  settings: JsonColumn<SecuritySettings>;
  authz_version: number;
  version: number;
}

/** Who was erased, by id. `act` is what the destruction act is made of; it holds nothing of the person. */
export interface ErasuresTable {
  contact_id: string;
  responsible_id: string | null;
  erased_at: TimeColumn;
  erased_by: string | null;
  act: JsonColumn<ErasureAct>;
  version: number;
}
export interface ErasureAct {
  readonly reason: string;
  readonly requestRef: string | null;
  readonly categories: readonly string[];
  readonly erasedDealIds: readonly string[];
  readonly keptDealIds: readonly string[];
  readonly erasedLeadIds: readonly string[];
}

/** One line of the audit trail; the id is that of its event. Ids, codes and names of fields; no values of people. */
export interface AuditRowsTable {
  id: string;
  at: TimeColumn;
  type: string;
  actor_id: string | null;
  ip: string | null;
  details: JsonColumn<Record<string, unknown>>;
}

/** Why somebody was shown a number or an address; gone with the person. */
export interface RevealsTable {
  id: string;
  record_type: 'contact' | 'company';
  record_id: string;
  /** Null when it cannot be read any more. */
  reason: string | null;
  version: number;
}

/** A call that somebody placed, and what became of it. Ids alone: whom it went to stands in the record. */
export interface CallsTable {
  id: string;
  record_type: 'contact' | 'company';
  record_id: string;
  phone_id: string;
  placed_by: string;
  placed_at: TimeColumn;
  state: 'placed' | 'handed-over' | 'failed';
  /** Of a failed one. */
  cause: 'refused' | 'unreachable' | 'interrupted' | null;
  version: number;
}

export interface ReadSchema {
  'read.contacts': ContactsTable;
  'read.companies': CompaniesTable;
  'read.deals': DealsTable;
  'read.deal_attributions': DealAttributionsTable;
  'read.pipelines': PipelinesTable;
  'read.custom_fields': CustomFieldsTable;
  'read.users': UsersTable;
  'read.principals': PrincipalsTable;
  'read.roles': RolesTable;
  'read.departments': DepartmentsTable;
  'read.forms': FormsTable;
  'read.leads': LeadsTable;
  'read.security': SecurityTable;
  'read.erasures': ErasuresTable;
  'read.audit': AuditRowsTable;
  'read.calls': CallsTable;
  'read.reveals': RevealsTable;
}

/** The answer of `SELECT read.authorization_of($userId)`: everything a decision about a person needs, in one value. */
export interface AuthorizationRow {
  readonly userId: string;
  readonly name: string;
  readonly email: string;
  readonly status: 'invited' | 'active' | 'deactivated';
  readonly isAdmin: boolean;
  readonly departmentId: string | null;
  /** His own, his department's and those of the departments above it. */
  readonly roleIds: readonly string[];
  /** All roles of the company: small, and `extends` needs them. */
  readonly roles: readonly {
    id: string;
    name: string;
    extendsId: string | null;
    grants: Record<string, Record<string, string>>;
    /** A second factor is required of whoever has the role. */
    requireSecondFactor: boolean;
  }[];
  /** People of his department and of those below, himself included. */
  readonly groupUserIds: readonly string[];
  readonly epoch: number;
  readonly authzVersion: number;
  readonly settings: SecuritySettings;
}
