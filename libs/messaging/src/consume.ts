import { AckPolicy, DeliverPolicy, jetstream, type ConsumerInfo, type JetStreamManager, type JsMsg } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { reasonOf, type Broker } from './broker.js';
import { factOf, type Fact } from './fact.js';
import { RecoveringLoop } from './recovering-loop.js';
import { STALLED_AFTER_MS, StallWatch, viewConsumer } from './stalls.js';
import { API_TIMEOUT_MS, eraseMessage, isMissing, streamManager } from './streams.js';

/** A fact in hand that is not reported on for so long goes to another instance. */
const ACK_WAIT_MS = 3_000;
const WORKING_INTERVAL_MS = 1_000;
const MAX_TRIES = 5;
/** Facts whose tries are counted at a time; many more than are ever in hand, for those that another instance took over count on. */
const COUNTED = 1_000;
/** Before a fact that was refused comes again; twice as long each time. */
const FIRST_RETRY_MS = 200;
/** Before a fact comes again that waits for a store or the broker. */
const RETRY_MS = 1_000;
const PULL_EXPIRES_MS = 2_000;
const PULL_HEARTBEAT_MS = 1_000;
/** How often an erasing consumer is looked at, in parts of the time after which it counts as stalled. */
const LOOKS = 5;

export interface ConsumeOptions {
  readonly broker: Broker;
  readonly stream: string;
  /** The consumer's name; instances that share it share the facts. */
  readonly durable: string;
  readonly filterSubject?: string;
  /** Facts in hand at a time over all instances, handled side by side; 1 keeps their order. */
  readonly maxAckPending: number;
  /** Resolved: done, confirmed. Rejected: comes again, later. Must bear repeats: confirmations get lost. */
  readonly onFact: (fact: Fact) => Promise<void>;
  /** Sets a fact aside that failed 5 times at one instance or is not JSON. `reason` is a code or a class name, no content. Rejected: tried again. */
  readonly onPoison: (fact: Fact, reason: string) => Promise<void>;
  /** Errors that are not the fact's fault (a store or the broker is away) and do not count as tries. */
  readonly isOutage: (error: unknown) => boolean;
  /**
   * True erases each fact from the stream, and from the broker's disk, once it is done or set aside and before it is confirmed.
   * For streams with this one consumer, whose publisher keeps what it sent until it is done and sends it again, under another id: a
   * broker that was killed may lose or forget messages (`stalls.ts`), or give the sequence of one that is in hand to another.
   */
  readonly erasesDone?: boolean;
  /** An erasing consumer with something to do that does not move for so long, with nothing in hand here, is made anew (`stalls.ts`); 10 s. */
  readonly stalledAfterMs?: number;
}

/** A running consumer. */
export interface Consumption {
  /** Takes no more, finishes what is in hand, and returns. */
  stop(): Promise<void>;
}

/**
 * Handles the facts of a stream with a durable consumer and one confirmation each. Makes the consumer when it is missing and
 * recovers by itself from a missing stream, a restarted or a wiped broker. A new consumer starts at the stream's beginning.
 */
export function consumeFacts(options: ConsumeOptions): Consumption {
  return new DurableConsumption(options);
}

class DurableConsumption implements Consumption {
  readonly #options: ConsumeOptions;
  readonly #inHand = new Map<JsMsg, Promise<void>>();
  /**
   * How often each fact was refused here. The broker's own count would not do: it counts deliveries that an outage ended, or the death
   * of who had the fact in hand, and after a few of those a good fact would be set aside at its first refusal.
   */
  readonly #refusals = new Map<string, number>();
  readonly #loop: RecoveringLoop;
  readonly #working: NodeJS.Timeout;

  constructor(options: ConsumeOptions) {
    this.#options = options;
    this.#working = setInterval(() => this.#reportWorking(), WORKING_INTERVAL_MS);
    this.#loop = new RecoveringLoop(options.broker, options.durable, (signal, onProgress) => this.#session(signal, onProgress));
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await Promise.all(this.#inHand.values());
    clearInterval(this.#working);
    const { broker } = this.#options;
    if (broker.isConnected) await broker.roundTripMs().catch(() => undefined); // The last confirmations have left.
  }

  async #session(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const { broker, maxAckPending } = this.#options;
    const connection = broker.connected;
    const manager = await streamManager(broker);
    const info = await ensureConsumer(manager, this.#options);
    const consumer = jetstream(connection, { timeout: API_TIMEOUT_MS }).consumers.getConsumerFromInfo(info);
    const messages = await consumer.consume({
      max_messages: maxAckPending,
      expires: PULL_EXPIRES_MS,
      idle_heartbeat: PULL_HEARTBEAT_MS,
      abort_on_missing_resource: true,
    });
    const end = (): void => messages.stop();
    signal.addEventListener('abort', end);
    const unlisten = broker.onDisconnected(end);
    if (signal.aborted || !broker.isConnected) end();
    const looking = this.#lookForStalls(manager);
    try {
      for await (const message of messages) {
        onProgress();
        this.#take(message);
      }
    } finally {
      clearInterval(looking);
      unlisten();
      signal.removeEventListener('abort', end);
    }
  }

  /** An erasing consumer made anew begins at the beginning of the stream, where only what is not done is left. */
  #lookForStalls(manager: JetStreamManager): NodeJS.Timeout | undefined {
    const { erasesDone, stalledAfterMs = STALLED_AFTER_MS } = this.#options;
    if (erasesDone !== true) return undefined;
    const watch = new StallWatch(stalledAfterMs, performance.now());
    const look = (): Promise<void> => this.#endStall(manager, watch);
    return setInterval(() => void look().catch(() => undefined), stalledAfterMs / LOOKS);
  }

  async #endStall(manager: JetStreamManager, watch: StallWatch): Promise<void> {
    const { broker, stream, durable } = this.#options;
    const view = await viewConsumer(manager, stream, durable);
    const stall = watch.judge({ ...view, isBusy: this.#inHand.size > 0 }, performance.now());
    if (stall === undefined) return;
    broker.log('consumer-stalled', this.#fields(stall));
    // None of them can be delivered, and none may stay on the disk; their publisher still has what is not done.
    if (stall === 'counts-broken') await manager.streams.purge(stream);
    await manager.consumers.delete(stream, durable); // Which ends the session.
  }

  #take(message: JsMsg): void {
    const done = this.#settle(message)
      .catch((error: unknown) => this.#options.broker.log('consumer-interrupted', this.#fields(reasonOf(error))))
      .finally(() => this.#inHand.delete(message));
    this.#inHand.set(message, done);
  }

  async #settle(message: JsMsg): Promise<void> {
    const fact = factOf(message);
    if (fact.payload === undefined) return this.#setAside(message, fact, 'malformed-json');
    try {
      await this.#options.onFact(fact);
      this.#refusals.delete(keyOf(fact));
    } catch (error) {
      if (this.#options.isOutage(error)) {
        message.nak(RETRY_MS);
        return;
      }
      const tries = this.#countRefusal(fact);
      this.#options.broker.log('fact-refused', { ...this.#fields(reasonOf(error)), sequence: fact.sequence, tries });
      if (tries >= MAX_TRIES) await this.#setAside(message, fact, reasonOf(error));
      else message.nak(FIRST_RETRY_MS * 2 ** (tries - 1));
      return;
    }
    if (await this.#erase(fact)) message.ack();
    else message.nak(RETRY_MS);
  }

  #countRefusal(fact: Fact): number {
    const [key, tries] = [keyOf(fact), (this.#refusals.get(keyOf(fact)) ?? 0) + 1];
    this.#refusals.set(key, tries);
    const [oldest] = this.#refusals.keys();
    if (this.#refusals.size > COUNTED && oldest !== undefined) this.#refusals.delete(oldest);
    return tries;
  }

  /** False when the broker did not say that it is gone: the fact comes again, is done already, and is erased then. */
  async #erase({ sequence }: Fact): Promise<boolean> {
    const { broker, stream, erasesDone } = this.#options;
    if (erasesDone !== true) return true;
    try {
      await eraseMessage(broker, stream, sequence);
      return true;
    } catch (error) {
      broker.log('fact-not-erased', { ...this.#fields(reasonOf(error)), sequence });
      return false;
    }
  }

  async #setAside(message: JsMsg, fact: Fact, reason: string): Promise<void> {
    try {
      await this.#options.onPoison(fact, reason);
      this.#refusals.delete(keyOf(fact));
      if (await this.#erase(fact)) message.term();
      else message.nak(RETRY_MS);
    } catch (error) {
      // Nobody has written it down: it comes again, or it would be lost.
      const { broker } = this.#options;
      broker.log('fact-not-set-aside', { ...this.#fields(reasonOf(error)), sequence: fact.sequence });
      message.nak(RETRY_MS);
    }
  }

  #reportWorking(): void {
    if (!this.#options.broker.isConnected) return;
    for (const message of this.#inHand.keys()) message.working();
  }

  #fields(reason: string): Record<string, string> {
    return { consumer: this.#options.durable, reason };
  }
}

/** A wiped stream gives its sequences to other facts. */
function keyOf({ sequence, msgId }: Fact): string {
  return `${sequence} ${msgId}`;
}

async function ensureConsumer(manager: JetStreamManager, options: ConsumeOptions): Promise<ConsumerInfo> {
  const { stream, durable, filterSubject, maxAckPending } = options;
  try {
    const info = await manager.consumers.info(stream, durable);
    if (info.config.max_ack_pending === maxAckPending) return info;
    return await manager.consumers.update(stream, durable, { max_ack_pending: maxAckPending });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return manager.consumers.add(stream, {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ACK_WAIT_MS),
    deliver_policy: DeliverPolicy.All,
    max_deliver: -1,
    max_ack_pending: maxAckPending,
    ...(filterSubject === undefined ? {} : { filter_subject: filterSubject }),
  });
}
