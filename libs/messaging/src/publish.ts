import { jetstream, JetStreamApiError } from '@nats-io/jetstream';
import { errors as natsErrors } from '@nats-io/transport-node';
import { DomainError } from '#kernel';
import { brokerUnavailable, type Broker } from './broker.js';
import { Confirmations } from './confirmations.js';
import type { OutgoingFact } from './fact.js';

const PUBLISH_TIMEOUT_MS = 2_000;
const MAX_IN_FLIGHT = 64;

export interface PublishOptions {
  readonly timeoutMs?: number;
  /** The stream that must take it; a subject that lands elsewhere is an error. */
  readonly expectedStream?: string;
}

/** What the stream confirmed: its sequence, and whether it had the fact already. */
export interface Published {
  readonly sequence: number;
  readonly duplicate: boolean;
}

/**
 * Publishes one fact to JetStream and waits for the confirmation. Throws DomainError `dependency-unavailable` when it did not
 * come (the fact may have been stored; publishing it again under its id is harmless). A payload over the server's limit is an Error.
 */
export async function publishFact(
  broker: Broker,
  subject: string,
  msgId: string,
  payload: unknown,
  options: PublishOptions = {},
): Promise<Published> {
  const timeout = options.timeoutMs ?? PUBLISH_TIMEOUT_MS;
  const expect = options.expectedStream === undefined ? {} : { streamName: options.expectedStream };
  try {
    const settings = { msgID: msgId, timeout, expect };
    const ack = await jetstream(broker.connected, { timeout }).publish(subject, JSON.stringify(payload), settings);
    return { sequence: ack.seq, duplicate: ack.duplicate };
  } catch (error) {
    throw errorOf(error);
  }
}

/** What cannot be mended by a repeat as it is, and the refusal that stands for everything else. */
function errorOf(error: unknown): unknown {
  return isUsageError(error) ? error : brokerUnavailable();
}

function isUsageError(error: unknown): boolean {
  if (error instanceof DomainError) return false;
  // 400: the stream refuses what it was given (wrong stream, wrong predecessor); 503 and others are the broker's state.
  if (error instanceof JetStreamApiError) return error.status === 400;
  return error instanceof natsErrors.InvalidArgumentError || error instanceof natsErrors.InvalidSubjectError;
}

export interface PublishFactsOptions extends PublishOptions {
  readonly maxInFlight?: number;
  /**
   * True makes each fact of a window name its predecessor (`Nats-Expected-Last-Msg-Id`), so when one in the middle fails those
   * behind it are refused and order is kept. Only for the sole publisher of one stream; others break the chain.
   */
  readonly chained?: boolean;
}

/**
 * Publishes facts in order, up to `maxInFlight` (64) unconfirmed at a time, and returns how many from the front are confirmed.
 * Fewer than given means that the broker went away or one was not taken: call again with the rest. Repeats are told by their
 * ids. Throws the plain Error of the very first fact when it is one that no repeat can mend (too large, a wrong subject).
 */
export async function publishFacts(
  broker: Broker,
  facts: readonly OutgoingFact[],
  options: PublishFactsOptions = {},
): Promise<number> {
  if (facts.length === 0 || !broker.isConnected) return 0;
  const { timeoutMs = PUBLISH_TIMEOUT_MS, expectedStream, maxInFlight = MAX_IN_FLIGHT, chained = false } = options;
  const expected = expectedStream === undefined ? {} : { expectedStream };
  const confirmations = new Confirmations(broker.connected, { inboxPrefix: broker.inboxPrefix, timeoutMs, ...expected });
  try {
    return await inOrder(facts, maxInFlight, (fact, previous) =>
      confirmations.publish(fact, chained ? previous?.msgId : undefined),
    );
  } finally {
    confirmations.end();
  }
}

/** `publish` resolves with what went wrong, undefined when nothing did. */
async function inOrder(
  facts: readonly OutgoingFact[],
  width: number,
  publish: (fact: OutgoingFact, previous: OutgoingFact | undefined) => Promise<unknown>,
): Promise<number> {
  const outcomes: Promise<unknown>[] = [];
  let confirmed = 0;
  let failure: unknown;
  const settleNext = async (): Promise<void> => {
    failure = await outcomes[confirmed];
    if (failure === undefined) confirmed += 1;
  };
  for (const [index, fact] of facts.entries()) {
    if (index - confirmed >= width) await settleNext();
    if (failure !== undefined) break;
    outcomes.push(publish(fact, facts[index - 1]));
  }
  while (failure === undefined && confirmed < outcomes.length) await settleNext();
  await Promise.all(outcomes); // Those behind a failure are settled too, so that a repeat does not overtake them.
  if (confirmed === 0 && isUsageError(failure)) throw failure;
  return confirmed;
}
