import type { LookupMatches } from '#contracts';
import { filterFor } from '#policy';
import type { CoreClient, CoreRequest } from '../core/core-client.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { requireSameRights } from '../records/gate.js';
import { filterSql, Values } from '../records/record-sql.js';
import { SCOPE_OF } from '../watching/record-scopes.js';
import type { WatchRelay } from '../relay/watch-relay.js';
import type { Who } from '../requests/request-context.js';
import { hurrying } from './reveals.js';

export interface Match {
  readonly type: 'contact' | 'company';
  readonly id: string;
  readonly name: string;
}
interface Row {
  authz_version: number;
  type: Match['type'] | null;
  id: string;
  name: string;
}

const TYPES = ['contact', 'company'] as const;

/** Exact lookup of a complete number. The number is in the sealed body and goes to core unread. */
export class Lookups {
  constructor(
    private readonly core: CoreClient,
    private readonly database: GatewayDatabase,
    private readonly relay: WatchRelay,
  ) {}

  /** Counts and records, hit or miss; the id of the lookup. Throws as the command does. */
  async lookUp(who: Who, asked: CoreRequest): Promise<string> {
    const among = who.scopes === null ? {} : { among: typesOf(who) };
    return (await hurrying(this.relay, this.core.command('LookUpPhone', who, { ...asked, ...among }))).id;
  }

  /** What the lookup found, as far as the person may see it now. Throws `RightsChanged`. */
  async matchesOf(who: Who, lookupId: string): Promise<Match[]> {
    const { matches } = await this.core.query<LookupMatches>('LookupMatches', { caller: who.caller, lookupId });
    if (matches.length === 0) return [];
    const types = typesOf(who);
    const values = new Values();
    const found = TYPES.map((type) => {
      const ids = types.includes(type) ? matches.filter((match) => match.type === type).map(({ id }) => id) : [];
      return `SELECT '${type}' AS type, r.id, r.name FROM ${type === 'contact' ? 'read.contacts' : 'read.companies'} AS r
        WHERE r.id = ANY(${values.add(ids, 'uuid[]')}) AND r.deleted_at IS NULL
          AND ${filterSql(filterFor(who.principal, type, 'view'), 'r.responsible_id', values)}`;
    });
    const rows = await this.database.query<Row & Record<string, unknown>>(
      undefined,
      `SELECT s.authz_version, found.* FROM read.security AS s LEFT JOIN (${found.join(' UNION ALL ')}) AS found ON true
       ORDER BY found.type DESC, found.id`,
      values.list,
    );
    requireSameRights(who, rows[0]?.authz_version);
    return rows.flatMap(({ type, id, name }) => (type === null ? [] : [{ type, id, name }]));
  }
}

/** The kinds of records that the session or token is for. */
function typesOf({ scopes }: Who): readonly Match['type'][] {
  return TYPES.filter((type) => scopes === null || scopes.has(SCOPE_OF[type]));
}
