import { DomainError } from '#kernel';
import { restFor, type Logger } from '#platform';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { Authentication } from './authentication.js';
import { SESSION_IDLE } from './live-tokens.js';
import type { Who } from './request-context.js';
import type { RouteRules } from './route-rules.js';

/** A change ends a stream within a second (ADR 19): a look and the decisions after it must fit in. */
const LOOK_EVERY_MS = 250;
/** Streams decided about side by side: part of the pool, so that requests are not kept waiting. */
const LANES = 4;

/** A stream that is open: who opened it, by which route, and how it ends. `end` must not throw. */
export interface OpenStream {
  readonly who: Who;
  readonly rules: RouteRules;
  readonly end: () => void;
}

interface Standing {
  /** Version of rights and settings under which the stream was last decided. */
  authzVersion: number;
}

/**
 * The version of rights, and those of the tokens named that no longer live or whose owner is held: one statement, whatever the
 * number of streams. The conditions of `live-tokens.ts`: who is to be decided about anew is told here, what becomes of him there.
 */
const LOOK_SQL = `
  SELECT sec.authz_version,
         ARRAY(SELECT o.id FROM unnest($1::uuid[], $2::uuid[]) AS o (id, user_id)
               WHERE watch.is_held(o.user_id)
                  OR NOT (EXISTS (SELECT 1 FROM access.sessions s
                                  WHERE s.id = o.id AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
                                    AND s.last_seen_at > clock_timestamp() - interval '${SESSION_IDLE}')
                          OR EXISTS (SELECT 1 FROM access.api_tokens t
                                     WHERE t.id = o.id AND t.ended_at IS NULL
                                       AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())))) AS over
  FROM read.security sec`;

/**
 * Ends live streams that may no longer be: an address taken off the list, a right taken away, a session that ended. It looks into
 * the database, so it needs no broker; messages are decided about one by one beside this, by whoever sends them.
 */
export class OpenStreams {
  readonly #open = new Map<OpenStream, Standing>();
  readonly #stopping = new AbortController();
  #looking: Promise<void> | undefined;

  constructor(
    private readonly database: GatewayDatabase,
    private readonly authentication: Pick<Authentication, 'recheck'>,
    private readonly logger: Logger,
  ) {}

  get size(): number {
    return this.#open.size;
  }

  /** Watches over the stream until the returned function is called. */
  add(stream: OpenStream): () => void {
    // As decided when it was opened: what changed since is met at the next look.
    this.#open.set(stream, { authzVersion: stream.who.authorization.authzVersion });
    this.#looking ??= this.#look();
    return () => this.#open.delete(stream);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && this.#open.size > 0) {
      // A look that fails is made again; nothing is sent meanwhile, for that needs a decision of its own.
      await this.#once().catch((error: unknown) => {
        if (!(error instanceof DomainError)) this.logger.warn('open streams could not be looked after', { error });
      });
      await restFor(LOOK_EVERY_MS, signal);
    }
    this.#looking = undefined;
  }

  async #once(): Promise<void> {
    const streams = [...this.#open.keys()];
    const tokens = streams.map(({ who }) => who.sessionId ?? who.tokenId);
    const owners = streams.map(({ who }) => who.principal.userId);
    const rows = await this.database.query<{ authz_version: number; over: string[] }>('open-streams', LOOK_SQL, [tokens, owners]);
    const row = rows[0];
    if (row === undefined) return;
    const over = new Set(row.over);
    const due = streams.filter(
      (stream, index) => this.#open.get(stream)?.authzVersion !== row.authz_version || over.has(tokens[index] ?? ''),
    );
    const lanes = Array.from({ length: LANES }, async () => {
      for (let stream = due.pop(); stream !== undefined; stream = due.pop()) await this.#decide(stream);
    });
    await Promise.all(lanes);
  }

  async #decide(stream: OpenStream): Promise<void> {
    const standing = this.#open.get(stream);
    if (standing === undefined) return;
    try {
      const { authorization } = await this.authentication.recheck(stream.who, stream.rules);
      standing.authzVersion = authorization.authzVersion;
    } catch (error) {
      // What cannot be decided now is due again at the next look.
      if (error instanceof DomainError && error.code === 'dependency-unavailable') return;
      if (!(error instanceof DomainError)) this.logger.warn('a live stream ended', { error });
      this.#open.delete(stream);
      stream.end();
    }
  }
}
