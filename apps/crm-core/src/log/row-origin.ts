import { FIRST_SECURITY_SETTINGS } from '#contracts';
import { AUDITED_EVENT_TYPES } from '../audit/audit-rows.js';
import { READ_TABLES, type Columns, type ReadTable } from './row-change.js';

/**
 * Where the rows of a read table come from, so that a row can be held against the log.
 * - `head`: one row a living stream, named by the aggregate's id; its version is that of the stream's last event. A stream whose last
 *   event is of the type `endedBy` has none any more.
 * - `end`: one row a stream that ended with an erasing event of the type, named by the aggregate's id, with that event's version.
 * - `part`: named by the aggregate's id too; not every stream has one, and its version is that of the event that last changed it.
 * - `event`: named by the id of the event that made it, and never changed; `types` are the events that make one.
 */
export type RowOrigin =
  | { readonly kind: 'head'; readonly category: string; readonly endedBy?: string }
  | { readonly kind: 'end'; readonly category: string; readonly type: string }
  | { readonly kind: 'part'; readonly category: string }
  | { readonly kind: 'event'; readonly types: readonly string[] };

/** Every read table stands here: one that does not cannot be rebuilt, and does not compile. */
export const ROW_ORIGINS: Readonly<Record<ReadTable, RowOrigin>> = {
  'read.contacts': { kind: 'head', category: 'contact', endedBy: 'ContactErased' },
  'read.companies': { kind: 'head', category: 'company' },
  'read.deals': { kind: 'head', category: 'deal' },
  'read.deal_attributions': { kind: 'part', category: 'deal' },
  'read.pipelines': { kind: 'head', category: 'pipeline' },
  'read.users': { kind: 'head', category: 'user' },
  'read.principals': { kind: 'head', category: 'user' },
  'read.roles': { kind: 'head', category: 'role', endedBy: 'RoleDeleted' },
  'read.departments': { kind: 'head', category: 'department', endedBy: 'DepartmentDeleted' },
  'read.forms': { kind: 'head', category: 'form' },
  'read.leads': { kind: 'head', category: 'lead', endedBy: 'LeadErased' },
  // Its one row is there before anything happened (`FIRST_ROWS`).
  'read.security': { kind: 'part', category: 'security-settings' },
  'read.custom_fields': { kind: 'head', category: 'custom-field', endedBy: 'CustomFieldDeleted' },
  'read.erasures': { kind: 'end', category: 'contact', type: 'ContactErased' },
  'read.calls': { kind: 'head', category: 'call' },
  'read.reveals': { kind: 'head', category: 'reveal', endedBy: 'RevealErased' },
  'read.audit': { kind: 'event', types: AUDITED_EVENT_TYPES },
};

/** Kinds of streams whose events change rights, and with them the counter of `read.security`. The others never do. */
export const RAISING_CATEGORIES: readonly string[] = ['user', 'department', 'role', 'security-settings'];

/** The points of the vault are made of events too: they name the record, not the stream. */
export const POINTS_TABLE = 'vault.points';

/** Whatever is made anew from the log. */
export type BuiltTable = ReadTable | typeof POINTS_TABLE;
export const BUILT_TABLES: readonly BuiltTable[] = [...(Object.keys(READ_TABLES) as ReadTable[]), POINTS_TABLE];

/** Rows that stand before the first event, as the migrations make them. */
export const FIRST_ROWS: Readonly<Partial<Record<ReadTable, Columns>>> = {
  'read.security': { singleton: true, settings: JSON.stringify(FIRST_SECURITY_SETTINGS), authz_version: 1, version: 0 },
};
