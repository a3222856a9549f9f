import { jetstream, JetStreamApiError } from '@nats-io/jetstream';
import { errors as natsErrors } from '@nats-io/transport-node';
import { DomainError } from '#kernel';
import { brokerUnavailable, type Broker } from './broker.js';

const PUBLISH_TIMEOUT_MS = 2_000;
const MAX_IN_FLIGHT = 64;

/** A committed fact on its way: `msgId` is its event id, by which the stream and every consumer tell repeats. */
export interface OutgoingFact {
  readonly subject: string;
  readonly msgId: string;
  readonly payload: unknown;
}

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
  return publish(broker, { subject, msgId, payload }, options, undefined);
}

async function publish(
  broker: Broker,
  fact: OutgoingFact,
  options: PublishOptions,
  after: string | undefined,
): Promise<Published> {
  const timeout = options.timeoutMs ?? PUBLISH_TIMEOUT_MS;
  const expect = {
    ...(options.expectedStream === undefined ? {} : { streamName: options.expectedStream }),
    ...(after === undefined ? {} : { lastMsgID: after }),
  };
  try {
    const ack = await jetstream(broker.connected, { timeout }).publish(fact.subject, JSON.stringify(fact.payload), {
      msgID: fact.msgId,
      timeout,
      expect,
    });
    return { sequence: ack.seq, duplicate: ack.duplicate };
  } catch (error) {
    throw isUsageError(error) ? error : brokerUnavailable();
  }
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
  const width = options.maxInFlight ?? MAX_IN_FLIGHT;
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
    const after = options.chained === true && index > 0 ? facts[index - 1]?.msgId : undefined;
    outcomes.push(publish(broker, fact, options, after).then(succeeded, failed));
  }
  while (failure === undefined && confirmed < outcomes.length) await settleNext();
  await Promise.all(outcomes); // Those behind a failure are settled too, so that a repeat does not overtake them.
  if (confirmed === 0 && failure !== undefined && !(failure instanceof DomainError)) throw failure;
  return confirmed;
}

function succeeded(): undefined {
  return undefined;
}

function failed(error: unknown): unknown {
  return error;
}
