import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { STREAMS } from '#contracts';
import { DomainError } from '#kernel';
import { followFacts, type Broker, type Following } from '#messaging';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { Who } from '../requests/request-context.js';
import type { RouteRules } from '../requests/route-rules.js';
import { frame, HEARTBEAT_FRAME, resyncFrame } from './event-stream.js';
import { LiveReaders, type LiveReader, type LiveReadersOptions } from './live-readers.js';
import { presentRecords, type Present } from './present-records.js';
import { RecentChanges, type PlacedChange } from './recent-changes.js';
import { changeOf, messageFor, ringingFor } from './record-change.js';

/** How many facts a gateway reads back when it starts, and at least so many changes of records it keeps to resume from. */
const KEPT_CHANGES = 10_000;
/** Facts that come together are decided about together; this is how long the first of them waits. */
const GATHER_MS = 20;
/** How many changes a reader is served in one round. */
const SERVED_AT_ONCE = 200;
/** How many readers one round serves, those first who are furthest behind: requests need the database too. */
const READERS_AT_ONCE = 100;
/** Who has much to catch up with is served no faster than he reads. */
const MOST_AHEAD_BYTES = 64 * 1024;
/** An event that is not known here yet may be known to the gateway that was left for this one. */
const RESUME_WAIT_MS = 3_000;
const RETRY_MS = 500;
/** What a reader has not asked to be resumed from is not told: while a gateway starts it reads what is long past. */
const BEFORE_OPENING_MS = 60_000;

interface RecordPlace {
  /** Position up to which he was served. */
  after: number;
  /** Changes of before are not for him, in milliseconds since 1970. */
  readonly sinceMs: number;
}
type Reader = LiveReader<RecordPlace>;

/** A reader who waits for the event to be known that he wants to be resumed behind. */
interface Resuming {
  readonly reader: Reader;
  readonly afterId: string;
  readonly timer: NodeJS.Timeout;
}

export interface RecordReadersOptions extends LiveReadersOptions {
  readonly broker: Broker;
  readonly database: GatewayDatabase;
  /** The database's time, as that of the changes is. */
  readonly now: () => Date;
}

/**
 * Everybody who listens to changes of records here. The log's facts are followed once for all and kept for a while; each reader has a
 * place among them. What he is told is decided for him, by his rights and the record's responsible person as they are then.
 */
export class RecordReaders {
  private readonly readers: LiveReaders<RecordPlace>;
  private readonly recent: RecentChanges;
  private readonly resuming = new Set<Resuming>();
  private following: Following | undefined;
  private serving: Promise<void> | undefined;
  private isAskedAgain = false;
  private isStopping = false;

  constructor(
    private readonly options: RecordReadersOptions,
    private readonly kept = KEPT_CHANGES,
  ) {
    this.readers = new LiveReaders(options);
    this.recent = new RecentChanges(kept);
  }

  start(): void {
    this.following = followFacts({
      broker: this.options.broker,
      stream: STREAMS.crm.name,
      startAfter: { latest: this.kept },
      maxWaitMs: GATHER_MS,
      onBatch: (facts) => {
        for (const change of facts.map(changeOf)) if (change !== null) this.recent.add(change);
        for (const one of this.resuming) this.tryResume(one);
        this.serve();
        return Promise.resolve();
      },
    });
    this.readers.start();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    for (const one of [...this.resuming]) this.settle(one);
    this.readers.stop();
    await this.following?.stop();
    await this.serving;
  }

  /**
   * Adds a reader; his stream ends with his rights. With `afterId` he first gets what came after that event, or the word `resync` when
   * that is not known any more. Throws `dependency-unavailable` when there are too many readers.
   */
  add(who: Who, rules: RouteRules, out: Writable, afterId: string | null): void {
    const sinceMs = afterId === null ? this.options.now().getTime() - BEFORE_OPENING_MS : 0;
    const reader = this.readers.open(who, rules, out, { after: this.recent.last, sinceMs });
    this.readers.write(reader, HEARTBEAT_FRAME);
    // Waited for in `resuming`, he is a reader already: comments come, and his stream ends with his rights.
    if (afterId !== null) reader.place.after = Number.POSITIVE_INFINITY;
    this.readers.admit(reader);
    out.on('drain', () => this.serve());
    if (afterId === null) return;
    const one: Resuming = { reader, afterId, timer: setTimeout(() => this.resync(one), RESUME_WAIT_MS) };
    out.on('close', () => this.settle(one));
    this.resuming.add(one);
    this.tryResume(one);
    this.serve();
  }

  private tryResume(one: Resuming): void {
    const position = this.recent.positionOf(one.afterId);
    if (position === undefined) return;
    this.settle(one);
    one.reader.place.after = position;
  }

  private resync(one: Resuming): void {
    this.settle(one);
    this.startAnew(one.reader);
  }

  private settle(one: Resuming): void {
    clearTimeout(one.timer);
    this.resuming.delete(one);
  }

  private startAnew(reader: Reader): void {
    reader.place.after = this.recent.last;
    this.readers.write(reader, resyncFrame());
  }

  /** One round after another, as long as there is somebody to serve. */
  private serve(): void {
    this.isAskedAgain = true;
    this.serving ??= this.serveAll().finally(() => (this.serving = undefined));
  }

  private async serveAll(): Promise<void> {
    while (this.isAskedAgain && !this.isStopping) {
      this.isAskedAgain = false;
      try {
        if (await this.serveRound()) this.isAskedAgain = true;
      } catch (error) {
        // Nobody's place has moved: what could not be decided comes late, and is not lost.
        if (!(error instanceof DomainError)) this.options.logger.error('changes could not be told', { error });
        this.isAskedAgain = true;
        await sleep(RETRY_MS);
      }
    }
  }

  /**
   * Serves each reader his next changes; false when nobody had any. First who he is now, then whose the records are now, then it is
   * written at once: nothing is waited for between.
   */
  private async serveRound(): Promise<boolean> {
    const due = [...this.readers.all].filter((reader) => this.isDue(reader));
    due.sort((a, b) => a.place.after - b.place.after).splice(READERS_AT_ONCE);
    const reading = (
      await Promise.all(due.map(async (reader) => ((await this.readers.stillReads(reader)) ? [reader] : [])))
    ).flat();
    const served = reading.map((reader) => [reader, this.recent.after(reader.place.after, SERVED_AT_ONCE)] as const);
    const all = new Map(served.flatMap(([, changes]) => changes ?? []).map((change) => [change.position, change]));
    if (due.length === 0) return false;
    const present = await presentRecords(this.options.database, all.values());
    for (const [reader, changes] of served) {
      if (changes === undefined) this.startAnew(reader);
      else this.tell(reader, changes, present);
    }
    return true;
  }

  private isDue({ place, out }: Reader): boolean {
    const waiting = this.recent.last - place.after;
    return waiting > 0 && (waiting <= SERVED_AT_ONCE || out.writableLength < MOST_AHEAD_BYTES);
  }

  /** Nothing when rights have changed between the two looks: the next round sees both anew. */
  private tell(reader: Reader, changes: readonly PlacedChange[], { authzVersion, records }: Present): void {
    const { who, place } = reader;
    if (who.authorization.authzVersion !== authzVersion) return;
    for (const change of changes) {
      place.after = change.position;
      const now = records.get(change.message.id);
      if (now === undefined || Date.parse(change.message.at) < place.sinceMs) continue;
      const message =
        change.ringing === undefined ? messageFor(who, change, now) : ringingFor(who, change, now, this.options.now().getTime());
      if (message !== null) this.readers.write(reader, frame({ id: change.eventId, event: message.type, data: message }));
    }
  }
}
