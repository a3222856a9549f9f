import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { alarmSchema, STREAMS, type Alarm } from '#contracts';
import { DomainError } from '#kernel';
import { followFacts, type Broker, type Following } from '#messaging';
import { type Logger } from '#platform';
import type { Authentication } from '../requests/authentication.js';
import type { CutOffs } from '../cut-off/cut-offs.js';
import type { OpenStreams } from '../requests/open-streams.js';
import type { Who } from '../requests/request-context.js';
import type { RouteRules } from '../requests/route-rules.js';
import { frame, HEARTBEAT_FRAME } from './event-stream.js';
import type { MonitorClient } from './monitor-client.js';

/** Limits of live streams. */
const MOST_READERS = 1_000;
const MOST_WAITING_BYTES = 256 * 1024;
const HEARTBEAT_MS = 15_000;
const RESUMED_AT_ONCE = 200;
/** A decision that cannot be made is tried again, for ten seconds in all. */
const MOST_RECHECKS = 20;
const RECHECK_MS = 500;

interface Reader {
  readonly who: Who;
  readonly rules: RouteRules;
  readonly out: Writable;
  /** Messages go one after another: each waits for the decision about the one before. */
  queue: Promise<void>;
  /** Alarm ids are UUIDv7: what is not later than this was sent already. */
  lastId: string;
  readonly close: () => void;
}

/** Everybody who listens to alarms here. One follower of the broker for all; each message is decided anew for each reader. */
export class AlarmReaders {
  private readonly readers = new Set<Reader>();
  private following: Following | undefined;
  private heartbeat: NodeJS.Timeout | undefined;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly broker: Broker,
    private readonly monitor: MonitorClient,
    private readonly authentication: Authentication,
    private readonly cutOffs: CutOffs,
    private readonly openStreams: OpenStreams,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.following = followFacts({
      broker: this.broker,
      stream: STREAMS.alarms.name,
      startAfter: 'new',
      onFact: ({ payload, msgId }) => {
        const alarm = alarmSchema.safeParse(payload);
        if (alarm.success) for (const reader of this.readers) this.send(reader, alarm.data);
        else this.logger.error('alarm not understood', { msgId });
        return Promise.resolve();
      },
    });
    this.stopListening = this.cutOffs.onDeactivated((userId) => {
      for (const reader of this.readers) if (reader.who.principal.userId === userId) reader.close();
    });
    this.heartbeat = setInterval(() => {
      for (const reader of this.readers) this.write(reader, HEARTBEAT_FRAME);
    }, HEARTBEAT_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.heartbeat);
    this.stopListening();
    for (const reader of [...this.readers]) reader.close();
    await this.following?.stop();
  }

  /**
   * Adds a reader; his stream ends with his rights. With `afterId` he first gets what came after that alarm. Throws
   * `dependency-unavailable` when it cannot be asked for, or there are too many readers.
   */
  async add(who: Who, rules: RouteRules, out: Writable, afterId: string | null): Promise<void> {
    if (this.readers.size >= MOST_READERS) throw new DomainError('dependency-unavailable', { retryAfterSeconds: 10 });
    const reader: Reader = {
      who,
      rules,
      out,
      queue: Promise.resolve(),
      lastId: afterId ?? '',
      close: () => {
        forget();
        out.end();
      },
    };
    const lookAway = this.openStreams.add({ who, rules, end: () => reader.close() });
    const forget = (): void => {
      lookAway();
      this.readers.delete(reader);
    };
    out.on('close', forget);
    if (afterId === null) {
      this.write(reader, HEARTBEAT_FRAME);
      this.readers.add(reader);
      return;
    }
    // Live alarms wait in the queue behind those that are asked for, so none is missed and none comes twice.
    const missed = this.missed(afterId);
    reader.queue = missed.then(
      (alarms) => this.writeAll(reader, alarms),
      () => undefined,
    );
    this.readers.add(reader);
    try {
      await missed;
    } catch (error) {
      forget();
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
    this.write(reader, HEARTBEAT_FRAME);
    for (const alarm of alarms) this.writeAlarm(reader, alarm);
  }

  private send(reader: Reader, alarm: Alarm): void {
    reader.queue = reader.queue
      .then(async () => {
        await this.recheck(reader);
        this.writeAlarm(reader, alarm);
      })
      .catch((error: unknown) => {
        if (!(error instanceof DomainError)) this.logger.warn('live stream ended', { error });
        reader.close();
      });
  }

  /** Nothing is sent before it is decided; a database that is away for a moment makes the message late and ends no stream. */
  private async recheck(reader: Reader): Promise<void> {
    for (let attempt = 1; !reader.out.destroyed; attempt += 1) {
      try {
        await this.authentication.recheck(reader.who, reader.rules);
        return;
      } catch (error) {
        const isAway = error instanceof DomainError && error.code === 'dependency-unavailable';
        if (!isAway || attempt === MOST_RECHECKS) throw error;
        await sleep(RECHECK_MS);
      }
    }
  }

  private writeAlarm(reader: Reader, alarm: Alarm): void {
    if (alarm.id <= reader.lastId) return;
    reader.lastId = alarm.id;
    this.write(reader, frame({ id: alarm.id, event: alarm.type, data: alarm }));
  }

  private write(reader: Reader, text: string): void {
    if (reader.out.writableEnded || reader.out.destroyed) return;
    if (reader.out.writableLength + text.length > MOST_WAITING_BYTES) {
      // Its end is heard above, as a client's that went away.
      this.readers.delete(reader);
      reader.out.destroy();
      return;
    }
    reader.out.write(text);
  }
}
