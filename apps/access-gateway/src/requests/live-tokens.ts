import { Batches } from '#platform';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { ShownToken } from './token.js';

/** Idle and absolute limits of a session, part of the API's contract. The absolute one is written as `expires_at` at sign-in. */
export const SESSION_IDLE = '30 minutes';
export const SESSION_LIFETIME = '12 hours';

/** What one statement says of a token that was shown: that it lives, whose it is, and by which rights he is to be judged. */
export interface LiveToken {
  readonly id: string;
  readonly userId: string;
  readonly epoch: number;
  readonly authzVersion: number;
  readonly held: boolean;
  /** Null for a session. */
  readonly scopes: readonly string[] | null;
  readonly cidrs: readonly string[];
  /** The owner has a second factor in force. False for API tokens, of which none is asked. */
  readonly hasSecondFactor: boolean;
}

interface Row {
  token_hash: Buffer;
  id: string;
  user_id: string;
  epoch: number;
  authz_version: number;
  held: boolean;
  scopes: string[] | null;
  cidrs: string[];
  unseen: boolean;
  has_second_factor: boolean;
}

/** Of `access.sessions AS s`: the live one with this hash, by the database's clock. */
export const liveSessionSql = (
  hash: string,
): string => `s.token_hash = ${hash} AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
    AND s.last_seen_at > clock_timestamp() - interval '${SESSION_IDLE}'`;

/** Not noted as used for so long that it is due. */
export const UNSEEN_SQL = `s.last_seen_at < clock_timestamp() - interval '1 minute'`;

/** A second factor is in force. */
export const HAS_SECOND_FACTOR_SQL = `EXISTS (SELECT FROM access.second_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)`;

/** Liveness, version of rights and hold in one round trip. */
const sessionSql = (hash: string): string => `
  SELECT s.token_hash, s.id, s.user_id, s.epoch, sec.authz_version, watch.is_held(s.user_id) AS held, NULL::text[] AS scopes,
         '{}'::text[] AS cidrs, ${UNSEEN_SQL} AS unseen,
         ${HAS_SECOND_FACTOR_SQL} AS has_second_factor
  FROM access.sessions s CROSS JOIN read.security sec
  WHERE ${liveSessionSql(hash)}`;

const apiTokenSql = (hash: string): string => `
  SELECT t.token_hash, t.id, t.user_id, t.epoch, sec.authz_version, watch.is_held(t.user_id) AS held, t.scopes, t.cidrs,
         false AS unseen, false AS has_second_factor
  FROM access.api_tokens t CROSS JOIN read.security sec
  WHERE t.token_hash = ${hash} AND t.ended_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())`;

/**
 * Of all tokens that were shown meanwhile. LIMIT 1 keeps a look-up by key for each; the planner does not see how many they are, and so
 * keeps one plan.
 */
const each = (sql: (hash: string) => string): string =>
  `SELECT found.* FROM unnest((SELECT $1::bytea[])) AS shown(hash) CROSS JOIN LATERAL (${sql('shown.hash')} LIMIT 1) AS found`;

const STATEMENTS = {
  session: { one: sessionSql('$1'), each: each(sessionSql) },
  api: { one: apiTokenSql('$1'), each: each(apiTokenSql) },
} as const;

/** Reads tokens as they are now. Holds nothing of them in memory, so there is nothing that could be stale. */
export class LiveTokens {
  readonly #database: GatewayDatabase;
  readonly #touching = new Set<string>();
  readonly #looks: Batches<ShownToken, { readonly row: Row | undefined }>;

  constructor(database: GatewayDatabase) {
    this.#database = database;
    this.#looks = new Batches({
      atOnce: 1,
      alone: async ({ kind, hash }) => ({ row: (await this.#look(kind, 'one', hash))[0] }),
      together: async (shown) => {
        const hashes = shown.map(({ hash }) => hash);
        const found = await this.#look(shown[0]?.kind ?? 'session', 'each', hashes);
        const rows = new Map(found.map((row) => [row.token_hash.toString('latin1'), row]));
        return hashes.map((hash) => ({ row: rows.get(hash.toString('latin1')) }));
      },
      statementOf: ({ kind }) => kind,
      withinMs: database.answerWithinMs,
    });
  }

  #look(kind: ShownToken['kind'], how: 'one' | 'each', shown: Buffer | readonly Buffer[]): Promise<Row[]> {
    return this.#database.promptly<Row>(`live ${kind}, ${how}`, STATEMENTS[kind][how], [shown]);
  }

  /**
   * Null for a token that is unknown, ended, expired or idle. Throws `dependency-unavailable` when the database does not
   * answer. `isUse`: somebody asked for something with it, which keeps a session from being idle.
   */
  async find(shown: ShownToken, isUse: boolean): Promise<LiveToken | null> {
    const { row } = await this.#looks.ask(shown);
    if (row === undefined) return null;
    if (row.unseen && isUse) this.noteUse(row.id);
    const {
      id,
      user_id: userId,
      epoch,
      authz_version: authzVersion,
      held,
      scopes,
      cidrs,
      has_second_factor: hasSecondFactor,
    } = row;
    return { id, userId, epoch, authzVersion, held, scopes, cidrs, hasSecondFactor };
  }

  /** Notes that a session was used, at most once a minute and beside the request: losing one note costs a minute of idle time. */
  noteUse(sessionId: string): void {
    if (this.#touching.has(sessionId)) return;
    this.#touching.add(sessionId);
    this.#database
      .query('touch-session', 'UPDATE access.sessions SET last_seen_at = clock_timestamp() WHERE id = $1 AND ended_at IS NULL', [
        sessionId,
      ])
      .catch(() => undefined)
      .finally(() => this.#touching.delete(sessionId));
  }
}
