import type { RecordType } from '#policy';
import type { RouteRules } from '../requests/route-rules.js';
import type { Scope } from '../requests/scopes.js';

/** The scope by which an API token hears of records of a type. */
export const SCOPE_OF: Readonly<Record<RecordType, Scope>> = {
  contact: 'contacts:read',
  company: 'companies:read',
  deal: 'deals:read',
};

/** Whoever may see records of one type at least may listen. */
export const ANY_RECORDS: NonNullable<RouteRules['anyOf']> = (['contact', 'company', 'deal'] as const).map((subject) => ({
  scope: SCOPE_OF[subject],
  right: { subject, action: 'view' },
}));
