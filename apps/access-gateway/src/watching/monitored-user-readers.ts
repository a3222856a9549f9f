import type { Writable } from 'node:stream';
import { v7 as uuidv7 } from 'uuid';
import type { MonitoredUser } from '#contracts';
import { DomainError } from '#kernel';
import { restFor } from '#platform';
import type { Who } from '../requests/request-context.js';
import type { RouteRules } from '../requests/route-rules.js';
import { frame, HEARTBEAT_FRAME, resyncFrame } from './event-stream.js';
import { KnownUsers } from './known-users.js';
import { LiveReaders, type LiveReadersOptions } from './live-readers.js';
import type { MonitorClient } from './monitor-client.js';

export const USER_COUNTED = 'user.counted';
const LOOK_EVERY_MS = 1_000;
/** Who acted is asked for over more than one look: what commits late is not missed. */
const ACTIVE_WITHIN_SECONDS = 5;
/** People of one question to the monitor, and told of in one look: a reader's queue has room for so many. */
const AT_ONCE = 200;

/**
 * Everybody who follows counts against limits here. While there is anybody, the monitor is asked once a second, for all of them: for
 * those who acted, and for the next of all people, round after round. A person whose standing changed is told.
 */
export class MonitoredUserReaders {
  readonly #readers: LiveReaders<null>;
  readonly #known = new KnownUsers();
  readonly #stopping = new AbortController();
  #looking: Promise<void> | undefined;
  /** How far the round has come; null at its beginning. */
  #afterId: string | null = null;

  constructor(
    private readonly monitor: Pick<MonitorClient, 'users'>,
    private readonly options: LiveReadersOptions,
  ) {
    this.#readers = new LiveReaders(options);
  }

  start(): void {
    this.#readers.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#readers.stop();
    await this.#looking;
  }

  /** Adds a reader; his stream ends with his rights. Throws `dependency-unavailable` when there are too many. */
  add(who: Who, rules: RouteRules, out: Writable, isResumed: boolean): void {
    const reader = this.#readers.open(who, rules, out, null);
    this.#readers.write(reader, isResumed ? resyncFrame() : HEARTBEAT_FRAME);
    this.#readers.admit(reader);
    this.#looking ??= this.#look();
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopping;
    this.#known.clear();
    this.#afterId = null;
    while (!signal.aborted && this.#readers.all.size > 0) {
      await this.#once().catch((error: unknown) => {
        // The monitor is away: what changes meanwhile is found when it is back.
        if (!(error instanceof DomainError)) this.options.logger.warn('counts of people could not be asked for', { error });
      });
      await restFor(LOOK_EVERY_MS, signal);
    }
    this.#looking = undefined;
  }

  async #once(): Promise<void> {
    const asked = { limit: AT_ONCE, afterId: null, userId: null, activeWithinSeconds: null };
    const active = await this.monitor.users({ ...asked, activeWithinSeconds: ACTIVE_WITHIN_SECONDS });
    const next = await this.monitor.users({ ...asked, afterId: this.#afterId });
    this.#afterId = next.items.length < AT_ONCE ? null : (next.items.at(-1)?.userId ?? null);
    const changed = [...this.#known.changed(active.items, AT_ONCE, true)];
    changed.push(...this.#known.changed(next.items, AT_ONCE - changed.length, false));
    if (changed.length > 0) this.#tell(changed);
  }

  #tell(changed: readonly MonitoredUser[]): void {
    const text = changed.map((data) => frame({ id: uuidv7(), event: USER_COUNTED, data })).join('');
    for (const reader of this.#readers.all) this.#readers.decided(reader, () => this.#readers.write(reader, text));
  }
}
