import { rememberRefusal } from './refusals.js';

/** An answer, whatever its status: nothing here throws on a refusal. */
export interface HttpAnswer<Body> {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it came. */
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly body: Body;
}

export interface HttpRequest {
  /** Sent as JSON, unless it is a string: that is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** 30,000 unless told. */
  readonly timeoutMs?: number;
}

type Json = Record<string, unknown>;

/** A client of the public API: a base URL and, once signed in, a bearer token. */
export class HttpClient {
  constructor(
    readonly baseUrl: string,
    readonly token?: string,
  ) {}

  /** The same server as somebody else. */
  withToken(token: string): HttpClient {
    return new HttpClient(this.baseUrl, token);
  }

  /** The same person at another instance. */
  at(baseUrl: string): HttpClient {
    return new HttpClient(baseUrl, this.token);
  }

  /** Signs in and gives the client of that session. Throws when refused, with the code and without the password. */
  async signIn(email: string, password: string): Promise<HttpClient> {
    const { status, body } = await this.post<{ token?: string; code?: string }>('/v1/sessions', { email, password });
    if (status !== 201 || body.token === undefined) throw new Error(`sign-in answered ${status} ${body?.code ?? ''}`);
    return this.withToken(body.token);
  }

  get<Body = Json>(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer<Body>> {
    return this.request('GET', path, headers === undefined ? {} : { headers });
  }

  post<Body = Json>(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer<Body>> {
    return this.request('POST', path, { body, ...(headers === undefined ? {} : { headers }) });
  }

  put<Body = Json>(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer<Body>> {
    return this.request('PUT', path, { body, ...(headers === undefined ? {} : { headers }) });
  }

  patch<Body = Json>(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer<Body>> {
    return this.request('PATCH', path, { body, ...(headers === undefined ? {} : { headers }) });
  }

  delete<Body = Json>(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer<Body>> {
    return this.request('DELETE', path, headers === undefined ? {} : { headers });
  }

  /** Any request. Rejects only when there is no answer: no connection, or none within the time. */
  async request<Body = Json>(method: string, path: string, request: HttpRequest = {}): Promise<HttpAnswer<Body>> {
    const { body, headers, timeoutMs = 30_000 } = request;
    const response = await fetch(this.baseUrl + path, {
      method,
      headers: this.#headers(body === undefined ? {} : { 'content-type': 'application/json' }, headers),
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = parsed(text);
    rememberRefusal(this.baseUrl, response.status, answer);
    return { status: response.status, headers: response.headers, text, body: answer as Body };
  }

  /** Opens a stream of Server-Sent Events. Throws when it is refused. */
  async events(path: string, headers?: Readonly<Record<string, string>>): Promise<EventStream> {
    const control = new AbortController();
    const all = this.#headers({ accept: 'text/event-stream' }, headers);
    const response = await fetch(this.baseUrl + path, { headers: all, signal: control.signal });
    if (response.status !== 200 || response.body === null) {
      control.abort();
      throw new Error(`${path} answered ${response.status}`);
    }
    return new EventStream(response.body, control);
  }

  #headers(...more: ReadonlyArray<Readonly<Record<string, string>> | undefined>): Record<string, string> {
    return Object.assign(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }, ...more) as Record<
      string,
      string
    >;
  }
}

/** One Server-Sent Event. */
export interface ServerSentEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: string;
}

/** A live stream; events that come before they are asked for wait. */
export class EventStream {
  /** Everything received so far, in order. */
  readonly received: ServerSentEvent[] = [];
  /** Resolves when the server or `close` ended the stream. */
  readonly ended: Promise<void>;
  readonly #control: AbortController;
  #next = 0;
  #wake: () => void = () => undefined;
  #over = false;

  constructor(body: ReadableStream<Uint8Array>, control: AbortController) {
    this.#control = control;
    this.ended = this.#read(body).catch(() => undefined);
    void this.ended.then(() => {
      this.#over = true;
      this.#wake();
    });
  }

  /** The next event. Rejects when none comes in time or the stream ends first. */
  async next(timeoutMs = 10_000): Promise<ServerSentEvent> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const event = this.received[this.#next];
      if (event !== undefined) {
        this.#next += 1;
        return event;
      }
      if (this.#over) throw new Error('the stream has ended');
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no event within ${timeoutMs} ms`);
      await this.#somethingOr(left);
    }
  }

  close(): void {
    this.#control.abort();
  }

  async #somethingOr(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let pending = '';
    for await (const chunk of body) {
      pending += decoder.decode(chunk, { stream: true }).replaceAll('\r', '');
      const blocks = pending.split('\n\n');
      pending = blocks.pop() ?? '';
      for (const event of blocks.map(parseEvent)) if (event !== undefined) this.received.push(event);
      this.#wake();
    }
  }
}

/** Undefined for a block of comments. */
function parseEvent(block: string): ServerSentEvent | undefined {
  const values = (name: string): string[] =>
    block
      .split('\n')
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^ /, ''));
  const data = values('data');
  if (data.length === 0) return undefined;
  const id = values('id').at(-1);
  return { ...(id === undefined ? {} : { id }), event: values('event').at(-1) ?? 'message', data: data.join('\n') };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
