import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStream, HttpClient } from '#testing';
import type { Json } from './staff.js';

export type Alarm = Json & { readonly id: string; readonly type: string; readonly userId: string };

/** Listens to the live stream of alarms as a browser's EventSource does: when it ends, opens it again behind the last event. */
export class AlarmWatch {
  readonly alarms: Alarm[] = [];
  readonly #client: HttpClient;
  readonly #ended: Promise<void>;
  #stream: EventStream;
  #lastId: string | undefined;
  #isOver = false;

  private constructor(client: HttpClient, first: EventStream) {
    this.#client = client;
    this.#stream = first;
    this.#ended = this.#follow();
  }

  static async open(client: HttpClient): Promise<AlarmWatch> {
    return new AlarmWatch(client, await client.events('/v1/alerts/stream'));
  }

  /** Of one type about one person, in the order of their coming. */
  about(type: string, userId: string): Alarm[] {
    this.#collect();
    return this.alarms.filter((alarm) => alarm.type === type && alarm.userId === userId);
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#stream.close();
    await this.#ended;
  }

  #collect(): void {
    for (const { id, data, event } of this.#stream.received.splice(0)) {
      const alarm = JSON.parse(data) as Alarm;
      if (alarm.type !== event || alarm.id !== id) throw new Error('an event that does not fit its alarm');
      this.#lastId = id;
      this.alarms.push(alarm);
    }
  }

  async #follow(): Promise<void> {
    for (;;) {
      await this.#stream.ended;
      this.#collect();
      if (this.#isOver) return;
      const headers = this.#lastId === undefined ? undefined : { 'last-event-id': this.#lastId };
      const next = await this.#client.events('/v1/alerts/stream', headers).catch(() => undefined);
      if (next === undefined) await sleep(50);
      else this.#stream = next;
    }
  }
}
