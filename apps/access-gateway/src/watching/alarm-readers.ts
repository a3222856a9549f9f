import type { Writable } from 'node:stream';
import { alarmSchema, STREAMS, type Alarm } from '#contracts';
import { followFacts, type Broker, type Following } from '#messaging';
import type { Who } from '../requests/request-context.js';
import type { RouteRules } from '../requests/route-rules.js';
import { frame, HEARTBEAT_FRAME } from './event-stream.js';
import { LiveReaders, type LiveReader, type LiveReadersOptions } from './live-readers.js';
import type { MonitorClient } from './monitor-client.js';

const RESUMED_AT_ONCE = 200;

/** Alarm ids are UUIDv7: what is not later than this was sent already. */
interface AlarmPlace {
  lastId: string;
}
type Reader = LiveReader<AlarmPlace>;

/** Everybody who listens to alarms here. One follower of the broker for all; each message is decided anew for each reader. */
export class AlarmReaders {
  private readonly readers: LiveReaders<AlarmPlace>;
  private following: Following | undefined;
  private listener: () => void = () => undefined;

  constructor(
    private readonly broker: Broker,
    private readonly monitor: MonitorClient,
    private readonly options: LiveReadersOptions,
  ) {
    this.readers = new LiveReaders(options);
  }

  start(): void {
    this.following = followFacts({
      broker: this.broker,
      stream: STREAMS.alarms.name,
      startAfter: 'new',
      onFact: ({ payload, msgId }) => {
        const alarm = alarmSchema.safeParse(payload);
        if (alarm.success) {
          for (const reader of this.readers.all) this.send(reader, alarm.data);
          this.listener();
        } else this.options.logger.error('alarm not understood', { msgId });
        return Promise.resolve();
      },
    });
    this.readers.start();
  }

  /** Called with each alarm that comes. It must not throw. */
  onAlarm(listener: () => void): void {
    this.listener = listener;
  }

  async stop(): Promise<void> {
    this.readers.stop();
    await this.following?.stop();
  }

  /**
   * Adds a reader; his stream ends with his rights. With `afterId` he first gets what came after that alarm. Throws
   * `dependency-unavailable` when it cannot be asked for, or there are too many readers.
   */
  async add(who: Who, rules: RouteRules, out: Writable, afterId: string | null): Promise<void> {
    const reader = this.readers.open(who, rules, out, { lastId: afterId ?? '' });
    if (afterId === null) {
      this.readers.write(reader, HEARTBEAT_FRAME);
      this.readers.admit(reader);
      return;
    }
    // Live alarms wait in the queue behind those that are asked for, so none is missed and none comes twice.
    const missed = this.missed(afterId);
    reader.queue = missed.then(
      (alarms) => this.writeAll(reader, alarms),
      () => undefined,
    );
    this.readers.admit(reader);
    try {
      await missed;
    } catch (error) {
      reader.forget();
      throw error;
    }
  }

  private async missed(afterId: string): Promise<readonly Alarm[]> {
    const found: Alarm[] = [];
    for (let last = afterId; ;) {
      const { items } = await this.monitor.alarms({ limit: RESUMED_AT_ONCE, beforeId: null, afterId: last });
      found.push(...items);
      const end = items.at(-1);
      if (end === undefined || items.length < RESUMED_AT_ONCE) return found;
      last = end.id;
    }
  }

  private writeAll(reader: Reader, alarms: readonly Alarm[]): void {
    this.readers.write(reader, HEARTBEAT_FRAME);
    for (const alarm of alarms) this.writeAlarm(reader, alarm);
  }

  private send(reader: Reader, alarm: Alarm): void {
    this.readers.decided(reader, () => this.writeAlarm(reader, alarm));
  }

  private writeAlarm(reader: Reader, alarm: Alarm): void {
    if (alarm.id <= reader.place.lastId) return;
    reader.place.lastId = alarm.id;
    this.readers.write(reader, frame({ id: alarm.id, event: alarm.type, data: alarm }));
  }
}
