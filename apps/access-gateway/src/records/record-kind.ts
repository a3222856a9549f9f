import type { RecordType } from '#policy';
import type { Measure } from '#contracts';
import type { Scope } from '../requests/scopes.js';

/** What differs between the three kinds of records on their way out. */
export interface RecordKind {
  readonly type: RecordType;
  /** First part of the routes: `/v1/contacts`. */
  readonly route: 'contacts' | 'companies' | 'deals';
  readonly table: 'read.contacts' | 'read.companies' | 'read.deals';
  /** The column of names: `name`, or a deal's `title`. */
  readonly nameColumn: 'name' | 'title';
  readonly measure: Measure & `${string}.opened`;
  /** Name of the kind in commands: `CreateContact`. */
  readonly commandNoun: 'Contact' | 'Company' | 'Deal';
  readonly readScope: Scope;
  readonly writeScope: Scope;
}

export const CONTACTS: RecordKind = {
  type: 'contact',
  route: 'contacts',
  table: 'read.contacts',
  nameColumn: 'name',
  measure: 'contact.opened',
  commandNoun: 'Contact',
  readScope: 'contacts:read',
  writeScope: 'contacts:write',
};
export const COMPANIES: RecordKind = {
  type: 'company',
  route: 'companies',
  table: 'read.companies',
  nameColumn: 'name',
  measure: 'company.opened',
  commandNoun: 'Company',
  readScope: 'companies:read',
  writeScope: 'companies:write',
};
export const DEALS: RecordKind = {
  type: 'deal',
  route: 'deals',
  table: 'read.deals',
  nameColumn: 'title',
  measure: 'deal.opened',
  commandNoun: 'Deal',
  readScope: 'deals:read',
  writeScope: 'deals:write',
};
