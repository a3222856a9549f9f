import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  type ConsumerInfo,
  type ConsumerMessages,
  type JetStreamManager,
  type JsMsg,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { reasonOf, type Broker } from './broker.js';
import { factOf, type Fact } from './fact.js';
import { RecoveringLoop } from './recovering-loop.js';
import { API_TIMEOUT_MS, streamManager } from './streams.js';

const PULL_EXPIRES_MS = 2_000;
const PULL_HEARTBEAT_MS = 1_000;
const IDLE_CONSUMER_MS = 30_000;
const LONGEST_RETRY_MS = 2_000;

/** A place in a stream: which incarnation of it, and the last sequence that was taken. */
export interface StreamPosition {
  readonly incarnation: string;
  readonly sequence: number;
}

/** How a batch is handed over. */
export interface BatchContext {
  /** The stream's time of creation: another one means that the stream was wiped and counts from 1 again. */
  readonly incarnation: string;
  /** 1 at first; the same batch comes again until it is taken. */
  readonly attempt: number;
}

type Start = 'beginning' | 'new' | { readonly latest: number } | StreamPosition;

export interface FollowOptions {
  readonly broker: Broker;
  readonly stream: string;
  readonly filterSubject?: string;
  /** `new`: what comes from now on; `latest`: so many before, first. A position of another incarnation reads from the beginning. */
  readonly startAfter: Start;
  /** Facts in a batch at most; default 500. */
  readonly maxBatch?: number;
  /** How long a batch waits to fill after its first fact; default 5 ms. */
  readonly maxWaitMs?: number;
  /** Subjects of facts that no batch waits behind: one of them is handed over at once, with what came before it. */
  readonly isUrgent?: (subject: string) => boolean;
  /**
   * Takes facts in the stream's order, one batch at a time. Rejected: the same batch again after 100 ms to 2 s. Store the
   * position of the last fact in the transaction of the effect. A stream restored without its tail may repeat sequences
   * that were seen: `msgId` tells facts apart.
   */
  readonly onBatch: (facts: readonly Fact[], context: BatchContext) => Promise<void>;
}

/** A running reader of a stream. */
export interface Following {
  /** Finishes the batch in hand (without repeating it) and returns. */
  stop(): Promise<void>;
}

/** One fact at a time, otherwise as `followStream`. */
export interface FollowFactsOptions extends Omit<FollowOptions, 'onBatch' | 'maxBatch' | 'maxWaitMs' | 'isUrgent'> {
  readonly onFact: (fact: Fact, context: BatchContext) => Promise<void>;
}

/**
 * Reads a stream in order without confirmations, from the caller's own checkpoint. Makes a consumer of its own for each
 * connection and begins again after the last taken fact; notices a stream that was wiped.
 */
export function followFacts(options: FollowOptions | FollowFactsOptions): Following {
  if ('onBatch' in options) return new OrderedFollowing(options);
  const { onFact, ...rest } = options;
  return new OrderedFollowing({
    ...rest,
    maxBatch: 1,
    maxWaitMs: 0,
    onBatch: ([fact], context) => onFact(fact as Fact, context),
  });
}

class OrderedFollowing implements Following {
  readonly #options: FollowOptions;
  readonly #maxBatch: number;
  readonly #maxWaitMs: number;
  readonly #loop: RecoveringLoop;
  #position: Start;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#maxBatch = options.maxBatch ?? 500;
    this.#maxWaitMs = options.maxWaitMs ?? 5;
    this.#position = options.startAfter;
    this.#loop = new RecoveringLoop(options.broker, options.stream, (signal, onProgress) => this.#session(signal, onProgress));
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #session(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const { broker, stream } = this.#options;
    const connection = broker.connected;
    const manager = await streamManager(broker);
    const position = resume(this.#position, await manager.streams.info(stream));
    this.#position = position;
    const info = await this.#consumerAfter(manager, position);
    const consumer = jetstream(connection, { timeout: API_TIMEOUT_MS }).consumers.getConsumerFromInfo(info);
    const messages = await consumer.consume({
      max_messages: Math.max(2 * this.#maxBatch, 100),
      expires: PULL_EXPIRES_MS,
      idle_heartbeat: PULL_HEARTBEAT_MS,
      abort_on_missing_resource: true,
    });
    const end = (): void => messages.stop();
    signal.addEventListener('abort', end);
    const unlisten = broker.onDisconnected(end);
    if (signal.aborted || !broker.isConnected) end();
    try {
      await this.#drain(messages, position.incarnation, signal, onProgress);
    } finally {
      unlisten();
      signal.removeEventListener('abort', end);
      messages.stop();
      if (broker.isConnected) await manager.consumers.delete(stream, info.name).catch(() => undefined);
    }
  }

  #consumerAfter(manager: JetStreamManager, position: StreamPosition): Promise<ConsumerInfo> {
    const { stream, filterSubject } = this.#options;
    return manager.consumers.add(stream, {
      name: `follow_${randomUUID()}`,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: position.sequence + 1,
      inactive_threshold: nanos(IDLE_CONSUMER_MS),
      mem_storage: true,
      num_replicas: 1,
      max_deliver: 1,
      ...(filterSubject === undefined ? {} : { filter_subject: filterSubject }),
    });
  }

  async #drain(messages: ConsumerMessages, incarnation: string, signal: AbortSignal, onProgress: () => void): Promise<void> {
    let delivered = 0;
    for await (const batch of this.#batches(messages)) {
      for (const message of batch) {
        delivered += 1;
        // Without confirmations a lost message shows only here: begin again after the last one that was taken.
        if (message.info.deliverySequence !== delivered) throw new Error('gap in the deliveries');
      }
      const facts = batch.map(factOf);
      if (!(await this.#hand(facts, incarnation, signal))) return;
      onProgress();
      this.#position = { incarnation, sequence: (facts.at(-1) as Fact).sequence };
      if (signal.aborted) return;
    }
  }

  async #hand(facts: readonly Fact[], incarnation: string, signal: AbortSignal): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#options.onBatch(facts, { incarnation, attempt });
        return true;
      } catch (error) {
        this.#options.broker.log('fact-refused', { consumer: this.#options.stream, reason: reasonOf(error), tries: attempt });
        await sleep(Math.min(100 * 2 ** (attempt - 1), LONGEST_RETRY_MS), undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return false;
      }
    }
  }

  /** Cuts the messages into batches: by number, by the time since the first, and behind an urgent one. */
  async *#batches(messages: ConsumerMessages): AsyncGenerator<JsMsg[]> {
    const iterator = messages[Symbol.asyncIterator]();
    const advance = (): Promise<IteratorResult<JsMsg>> => {
      const next = iterator.next();
      next.catch(() => undefined); // Read below; without this a failure while a batch is worked on would end the process.
      return next;
    };
    let next = advance();
    for (;;) {
      const first = await next;
      if (first.done === true) return;
      const batch = [first.value];
      next = advance();
      const limit = new AbortController();
      const full = sleep(this.#maxWaitMs, undefined, { signal: limit.signal }).catch(() => undefined);
      while (batch.length < this.#maxBatch && !this.#isUrgent(batch)) {
        const result = await Promise.race([next.catch(() => undefined), full]);
        if (result === undefined || result.done === true) break;
        batch.push(result.value);
        next = advance();
      }
      limit.abort();
      yield batch;
    }
  }

  #isUrgent(batch: readonly JsMsg[]): boolean {
    const last = batch.at(-1);
    return last !== undefined && this.#options.isUrgent?.(last.subject) === true;
  }
}

/** Where to go on in the stream as it is now. */
function resume(position: Start, info: StreamInfo): StreamPosition {
  const incarnation = info.created;
  if (position === 'new') return { incarnation, sequence: info.state.last_seq };
  if (position !== 'beginning' && 'latest' in position) {
    return { incarnation, sequence: Math.max(0, info.state.last_seq - position.latest) };
  }
  if (position === 'beginning' || position.incarnation !== incarnation) return { incarnation, sequence: 0 };
  // A stream that lost its tail gives the lost sequences anew: go on behind what it has.
  return { incarnation, sequence: Math.min(position.sequence, info.state.last_seq) };
}
