import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '#kernel';
import type { Logger } from '#platform';
import type { CutOffs } from '../cut-off/cut-offs.js';
import type { Authentication } from '../requests/authentication.js';
import type { OpenStreams } from '../requests/open-streams.js';
import type { Who } from '../requests/request-context.js';
import type { RouteRules } from '../requests/route-rules.js';
import { HEARTBEAT_FRAME } from './event-stream.js';

/** Limits of live streams of one kind. */
const MOST_READERS = 1_000;
const MOST_WAITING_BYTES = 256 * 1024;
const HEARTBEAT_MS = 15_000;
/** A decision that cannot be made is tried again, for ten seconds in all. */
const MOST_RECHECKS = 20;
const RECHECK_MS = 500;

/** Somebody who listens. `place` is what his kind of stream remembers of him: how far he was served. */
export interface LiveReader<Place> {
  /** As he was last decided about. */
  who: Who;
  readonly rules: RouteRules;
  readonly out: Writable;
  readonly place: Place;
  /** Messages go one after another: each waits for the decision about the one before. */
  queue: Promise<void>;
  /** He is no reader any more; his connection stays. */
  readonly forget: () => void;
  readonly close: () => void;
}

export interface LiveReadersOptions {
  readonly authentication: Authentication;
  readonly cutOffs: Pick<CutOffs, 'onDeactivated'>;
  readonly openStreams: Pick<OpenStreams, 'add'>;
  readonly logger: Logger;
}

/**
 * Everybody who has a live stream of one kind open. A stream ends with what let its reader in: his session or token, account, address
 * or rights; and when he is too slow to read it.
 */
export class LiveReaders<Place> {
  readonly #options: LiveReadersOptions;
  readonly #readers = new Set<LiveReader<Place>>();
  #heartbeat: NodeJS.Timeout | undefined;
  #stopListening: () => void = () => undefined;

  constructor(options: LiveReadersOptions) {
    this.#options = options;
  }

  get all(): ReadonlySet<LiveReader<Place>> {
    return this.#readers;
  }

  start(): void {
    this.#stopListening = this.#options.cutOffs.onDeactivated((userId) => {
      for (const reader of this.#readers) if (reader.who.principal.userId === userId) reader.close();
    });
    this.#heartbeat = setInterval(() => {
      for (const reader of this.#readers) this.write(reader, HEARTBEAT_FRAME);
    }, HEARTBEAT_MS);
  }

  stop(): void {
    clearInterval(this.#heartbeat);
    this.#stopListening();
    for (const reader of [...this.#readers]) reader.close();
  }

  /** Makes a reader, who is not served yet. Throws `dependency-unavailable` when there are too many. */
  open(who: Who, rules: RouteRules, out: Writable, place: Place): LiveReader<Place> {
    if (this.#readers.size >= MOST_READERS) throw new DomainError('dependency-unavailable', { retryAfterSeconds: 10 });
    const reader: LiveReader<Place> = {
      ...{ who, rules, out, place, queue: Promise.resolve() },
      forget: () => {
        lookAway();
        this.#readers.delete(reader);
      },
      close: () => {
        reader.forget();
        out.end();
      },
    };
    // Looked after from now on, also before he is served.
    const lookAway = this.#options.openStreams.add({ who, rules, end: reader.close });
    out.on('close', reader.forget);
    return reader;
  }

  /** From now on he is served. */
  admit(reader: LiveReader<Place>): void {
    if (!reader.out.destroyed) this.#readers.add(reader);
  }

  /** Decides anew about the reader and then does it; or ends his stream. */
  decided(reader: LiveReader<Place>, act: () => void): void {
    reader.queue = reader.queue
      .then(async () => {
        await this.#recheck(reader);
        act();
      })
      .catch((error: unknown) => this.#end(reader, error));
  }

  /** Decides anew about the reader: false when his stream has ended. Does not throw. */
  async stillReads(reader: LiveReader<Place>): Promise<boolean> {
    try {
      await this.#recheck(reader);
    } catch (error) {
      this.#end(reader, error);
    }
    return this.#readers.has(reader);
  }

  /** Writes to him, or drops him when too much waits for him to read already. */
  write(reader: LiveReader<Place>, text: string): void {
    const { out } = reader;
    if (out.writableEnded || out.destroyed) return;
    if (out.writableLength + text.length > MOST_WAITING_BYTES) {
      reader.forget();
      out.destroy();
      return;
    }
    out.write(text);
  }

  #end(reader: LiveReader<Place>, error: unknown): void {
    if (!(error instanceof DomainError)) this.#options.logger.warn('live stream ended', { error });
    reader.close();
  }

  /** Nothing is sent before it is decided; a database that is away for a moment makes the message late and ends no stream. */
  async #recheck(reader: LiveReader<Place>): Promise<void> {
    for (let attempt = 1; !reader.out.destroyed && !reader.out.writableEnded; attempt += 1) {
      try {
        reader.who = await this.#options.authentication.recheck(reader.who, reader.rules);
        return;
      } catch (error) {
        if (!isAway(error) || attempt === MOST_RECHECKS) throw error;
        await sleep(RECHECK_MS);
      }
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'dependency-unavailable';
}
