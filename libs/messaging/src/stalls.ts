import type { JetStreamManager } from '@nats-io/jetstream';

/** A consumer that stands still counts as stalled after so long. */
export const STALLED_AFTER_MS = 10_000;
/** One that moves, but past the oldest message of its stream, after so many times as long. */
const PASSED_OVER_TIMES = 6;

/** An erasing consumer and its stream, as the broker tells them. */
export interface ConsumerView {
  /** Messages that the stream holds: none of them is done. */
  readonly messages: number;
  /** Sequence of the oldest of them, and of the last that the stream ever gave. */
  readonly oldest: number;
  readonly last: number;
  /** Up to this sequence everything counts as confirmed. */
  readonly confirmedTo: number;
  /** Whatever changes when something is delivered or confirmed. */
  readonly mark: string;
  /** Something is being handled here. */
  readonly isBusy: boolean;
}

/** Why a consumer has to be made anew; with broken counts, its stream has to be emptied first. */
export type Stall = 'pending-for-good' | 'lost-tail' | 'passed-over' | 'counts-broken';

/** Reads the consumer first: what its floor covered then and the stream still holds after that can only have been lost to it. */
export async function viewConsumer(
  manager: JetStreamManager,
  stream: string,
  durable: string,
): Promise<Omit<ConsumerView, 'isBusy'>> {
  const { num_ack_pending: pending, delivered, ack_floor: floor } = await manager.consumers.info(stream, durable);
  const { state } = await manager.streams.info(stream);
  return {
    messages: state.messages,
    oldest: state.first_seq,
    last: state.last_seq,
    confirmedTo: floor.stream_seq,
    mark: [pending, delivered.consumer_seq, floor.consumer_seq].join(' '),
  };
}

/**
 * Tells when an erasing consumer does not come to what its stream holds. Four ways there are, each seen after a kill of the broker
 * (nats-server 2.9.10):
 * - What was erased while the broker still waited for its confirmation keeps its place among the pending for good (nats-server #6374,
 *   #7984); with all places taken so, and at times with some, nothing is delivered any more.
 * - The stream lost its tail and gives those sequences anew, and the consumer, whose own state did reach the disk, counts the
 *   messages that take these places as confirmed.
 * - Either of the two for some messages, while others still pass.
 * - The stream counts messages and has its beginning behind its end: it finds none of them again, though they are on the disk.
 */
export class StallWatch {
  #mark = '';
  #markSince: number;
  #oldest = -1;
  #oldestSince: number;

  constructor(
    private readonly stalledAfterMs: number,
    now: number,
  ) {
    this.#markSince = now;
    this.#oldestSince = now;
  }

  /** What is wrong at `now` (milliseconds of a steady clock); undefined when nothing is, or it is too early to tell. */
  judge(view: ConsumerView, now: number): Stall | undefined {
    const isIdle = view.messages === 0;
    if (isIdle || view.isBusy || view.mark !== this.#mark) [this.#mark, this.#markSince] = [view.mark, now];
    if (isIdle || view.oldest !== this.#oldest) [this.#oldest, this.#oldestSince] = [view.oldest, now];
    if (isIdle) return undefined;
    if (view.oldest > view.last) return 'counts-broken';
    if (view.oldest <= view.confirmedTo) return 'lost-tail';
    if (now - this.#markSince >= this.stalledAfterMs) return 'pending-for-good';
    return now - this.#oldestSince >= PASSED_OVER_TIMES * this.stalledAfterMs ? 'passed-over' : undefined;
  }
}
