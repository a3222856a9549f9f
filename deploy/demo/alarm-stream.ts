import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from './api-client.js';
import type { Page } from './demo-run.js';

/** An alarm as administrators get it (API documentation, "Watching"). */
export interface Alarm {
  readonly id: string;
  readonly type: string;
  readonly userId: string | null;
  readonly limit?: number;
  readonly count?: number;
  readonly cutOffMs?: number;
  readonly message: string;
}

const RETRY_MS = 250;
const SEEN_AT_ONCE = 50;

/**
 * Listens to the alarms live, and begins again when the gateway dies: after the last alarm it saw, or, before the first, with what the list
 * has since. Each alarm is told once.
 */
export class AlarmStream {
  readonly #closed = new AbortController();
  readonly #known = new Set<string>();
  #lastId: string | undefined;
  #turn = 0;
  #opened: () => void = () => undefined;
  readonly #listening: Promise<void>;

  constructor(
    private readonly urls: readonly string[],
    private readonly token: string,
    private readonly api: ApiClient,
    private readonly onAlarm: (alarm: Alarm) => void,
  ) {
    this.#listening = this.#listen();
  }

  /** Opens the stream; resolves when alarms are being heard. What happened before is not told. */
  static async open(
    urls: readonly string[],
    token: string,
    api: ApiClient,
    onAlarm: (alarm: Alarm) => void,
  ): Promise<AlarmStream> {
    const before = await recentAlarms(api);
    const stream = new AlarmStream(urls, token, api, onAlarm);
    for (const { id } of before) stream.#known.add(id);
    await new Promise<void>((resolve) => (stream.#opened = resolve));
    return stream;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#closed;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      await this.#readOnce(isFirst).catch(() => undefined);
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #readOnce(isFirst: boolean): Promise<void> {
    const response = await fetch(`${this.urls[this.#turn++ % this.urls.length]}/v1/alerts/stream`, {
      headers: {
        authorization: `Bearer ${this.token}`,
        accept: 'text/event-stream',
        ...(this.#lastId === undefined ? {} : { 'last-event-id': this.#lastId }),
      },
      signal: this.#closed.signal,
    });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      return;
    }
    this.#opened();
    if (!isFirst && this.#lastId === undefined) for (const alarm of await recentAlarms(this.api)) this.#tell(alarm);
    for await (const data of serverSentData(response.body)) this.#tell(JSON.parse(data) as Alarm);
  }

  #tell(alarm: Alarm): void {
    if (this.#known.has(alarm.id)) return;
    this.#known.add(alarm.id);
    this.#lastId = alarm.id;
    this.onAlarm(alarm);
  }
}

/** The latest alarms, oldest first. */
export async function recentAlarms(api: ApiClient): Promise<readonly Alarm[]> {
  const answer = await api.get<Page<Alarm>>(`/v1/alerts?limit=${SEEN_AT_ONCE}`);
  return answer.status === 200 ? [...answer.body.items].reverse() : [];
}

/** The data of each message of a stream of Server-Sent Events (WHATWG HTML, section 9.2.6); comments are passed over. */
export async function* serverSentData(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true }).replaceAll('\r', '');
    const blocks = pending.split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block.split('\n').filter((line) => line.startsWith('data:'));
      if (data.length > 0) yield data.map((line) => line.slice('data:'.length).replace(/^ /, '')).join('\n');
    }
  }
}
