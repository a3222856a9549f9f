import { setTimeout as sleep } from 'node:timers/promises';

export type Json = Record<string, unknown>;

/** An answer of the API, whatever its status. */
export interface Answer<Body = Json> {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON of the body; an empty object when it is none. */
  readonly body: Body;
  readonly text: string;
}

/** A request that a repeat does not double: reading, replacing, or a POST with its Idempotency-Key. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal where none was expected. The message holds route, status and code; nothing that was sent. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

const ATTEMPT_MS = 15_000;
/** Long enough for a service that was killed to come back several times over. */
const GIVEN_UP_AFTER_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const AWAY = new Set([502, 503, 504]);

/** What all clients of a run have seen together. */
export interface Traffic {
  /** Requests sent again because there was no answer, or one that says "later". */
  repeated: number;
}

export interface ApiOptions {
  /** Instances of the same service; requests go round them, and a repeat goes to the next. */
  readonly urls: readonly string[];
  readonly traffic: Traffic;
  readonly token?: string;
  /** Shown every body that came. */
  readonly onText?: (text: string) => void;
}

/** A client of the public API that outlives the death of what it talks to: it repeats, under the same Idempotency-Key. */
export class ApiClient {
  #turn = 0;

  constructor(private readonly options: ApiOptions) {}

  as(token: string, onText?: (text: string) => void): ApiClient {
    return new ApiClient({ ...this.options, token, ...(onText === undefined ? {} : { onText }) });
  }

  get<Body = Json>(path: string): Promise<Answer<Body>> {
    return this.request({ method: 'GET', path });
  }

  post<Body = Json>(path: string, body: unknown, idempotencyKey?: string): Promise<Answer<Body>> {
    return this.request({ method: 'POST', path, body, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) });
  }

  /** Throws when nothing answers within a minute. */
  async request<Body = Json>(request: ApiRequest): Promise<Answer<Body>> {
    const { urls } = this.options;
    const first = this.#turn++;
    const end = performance.now() + GIVEN_UP_AFTER_MS;
    for (let attempt = 0; ; attempt += 1) {
      const url = urls[(first + attempt) % urls.length] as string;
      const answer = await this.once<Body>(url, request).catch((error: unknown) => reasonOf(error));
      if (typeof answer !== 'string' && !isLater(answer)) return answer;
      if (performance.now() > end) throw new UnexpectedAnswer(`${describe(request)}: given up after 60 s, ${lastWord(answer)}`);
      this.options.traffic.repeated += 1;
      await sleep(pauseAfter(answer, attempt));
    }
  }

  /** One attempt at one instance. Rejects when there is no answer within 15 s. */
  async once<Body = Json>(url: string, request: ApiRequest): Promise<Answer<Body>> {
    const { body, idempotencyKey } = request;
    const response = await fetch(url + request.path, {
      method: request.method,
      headers: {
        ...(this.options.token === undefined ? {} : { authorization: `Bearer ${this.options.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        ...request.headers,
      },
      signal: AbortSignal.timeout(ATTEMPT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    this.options.onText?.(text);
    return { status: response.status, headers: response.headers, body: parsed(text) as Body, text };
  }
}

/** The answer, if it has the status that was expected. Throws `UnexpectedAnswer` otherwise. */
export function expectStatus<Body>(answer: Answer<Body>, status: number, what: string): Answer<Body> {
  if (answer.status === status) return answer;
  throw new UnexpectedAnswer(`${what}: expected ${status}, got ${describeAnswer(answer)}`);
}

/** Status and code of an answer, for people. */
export function describeAnswer(answer: Answer<unknown>): string {
  const code = codeOf(answer);
  const { errors } = answer.body as { errors?: { path?: string; code?: string }[] };
  const fields = (errors ?? []).map(({ path, code: reason }) => `${path ?? ''} ${reason ?? ''}`.trim());
  return `${answer.status}${code === '' ? '' : ` ${code}`}${fields.length === 0 ? '' : ` (${fields.join(', ')})`}`;
}

/** The code of a problem; empty when the answer is none. */
export function codeOf(answer: Answer<unknown>): string {
  const { code } = answer.body as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

function isLater(answer: Answer<unknown>): boolean {
  if (AWAY.has(answer.status)) return true;
  return codeOf(answer) === 'idempotency-in-progress' || codeOf(answer) === 'rate-exceeded';
}

function pauseAfter(answer: Answer<unknown> | string, attempt: number): number {
  const asked = typeof answer === 'string' ? 0 : Number(answer.headers.get('retry-after') ?? 0) * 1000;
  const backoff = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  return Math.max(backoff, Math.min(LONGEST_PAUSE_MS, Number.isFinite(asked) ? asked : 0));
}

function lastWord(answer: Answer<unknown> | string): string {
  return typeof answer === 'string' ? `no answer (${answer})` : `last answer ${describeAnswer(answer)}`;
}

function describe({ method, path }: ApiRequest): string {
  return `${method} ${path.split('?')[0] ?? ''}`;
}

/** The code of the system's error, ECONNREFUSED for example; a message could hold more than a log should. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return 'unknown';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
