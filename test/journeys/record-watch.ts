import type { EventStream, HttpClient } from '#testing';
import type { Json } from './staff.js';

export interface RecordMessage {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly changed: readonly string[];
  readonly at: string;
}

/** Listens to the live stream of changes of records. */
export class RecordWatch {
  readonly #stream: EventStream;

  private constructor(stream: EventStream) {
    this.#stream = stream;
  }

  static async open(client: HttpClient, lastEventId?: string): Promise<RecordWatch> {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    return new RecordWatch(await client.events('/v1/events/stream', headers));
  }

  get ended(): Promise<void> {
    return this.#stream.ended;
  }

  /** Everything that came, as it came. */
  get raw(): string {
    return JSON.stringify(this.#stream.received);
  }

  /** The id of the last event that was asked for; what a browser would send as Last-Event-ID. */
  lastId: string | undefined;

  close(): void {
    this.#stream.close();
  }

  /** The next message. Throws when it has other fields than it may have, or fits its event badly. */
  async next(timeoutMs?: number): Promise<RecordMessage> {
    const { id, event, data } = await this.#stream.next(timeoutMs);
    const message = JSON.parse(data) as Json;
    const fields = Object.keys(message).sort().join();
    if (fields !== 'at,changed,id,type,version' || message['type'] !== event)
      throw new Error(`a message of ${fields}, as ${event}`);
    this.lastId = id;
    return message as unknown as RecordMessage;
  }

  /** The messages that come before the one about this record, which is not among them. */
  async before(recordId: string, timeoutMs?: number): Promise<RecordMessage[]> {
    const found: RecordMessage[] = [];
    for (;;) {
      const message = await this.next(timeoutMs);
      if (message.id === recordId) return found;
      found.push(message);
    }
  }
}
