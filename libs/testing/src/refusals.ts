import pg from 'pg';

/** Statuses of refusals after which nothing may have changed. 401 has no account to change anything of. */
const WITHOUT_EFFECT: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422]);

/** By server (`http://host:port`): the ids of the requests that were refused, as their problem answers name them. */
const refused = new Map<string, Set<string>>();

/** Remembers an answer of a server, when it is a refusal that names its request. */
export function rememberRefusal(baseUrl: string, status: number, body: unknown): void {
  const requestId = (body as { requestId?: unknown } | undefined)?.requestId;
  if (!WITHOUT_EFFECT.has(status) || typeof requestId !== 'string') return;
  const { origin } = new URL(baseUrl);
  refused.set(origin, (refused.get(origin) ?? new Set()).add(requestId));
}

/** Of all servers of one system. */
export function refusedRequests(baseUrls: readonly string[]): readonly string[] {
  return baseUrls.flatMap((url) => [...(refused.get(new URL(url).origin) ?? [])]);
}

/** What a refused request did after all. */
export interface Effect {
  readonly requestId: string;
  readonly type: string;
  readonly stream: string;
}

/**
 * The events in the log that a refused request caused: there must be none, whatever ran beside it, for every event names the request
 * it comes from. Reads as the superuser; throws the database's error when it cannot be asked.
 */
export async function effectsOf(requestIds: readonly string[], superuserUrl: string): Promise<readonly Effect[]> {
  const client = new pg.Client({ connectionString: superuserUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rows } = await client.query<Effect>(
      `SELECT metadata->>'correlationId' AS "requestId", type, stream FROM es.events WHERE metadata->>'correlationId' = ANY ($1)`,
      [requestIds],
    );
    return rows;
  } finally {
    await client.end();
  }
}
