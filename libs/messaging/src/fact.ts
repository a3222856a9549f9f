import type { JsMsg } from '@nats-io/jetstream';

/** A fact as it came from a stream. Delivery is at least once: `msgId` tells repeats. */
export interface Fact {
  readonly subject: string;
  /** The publisher's id of the fact (`Nats-Msg-Id`); empty when it gave none. */
  readonly msgId: string;
  /** Its place in this incarnation of the stream; a wiped stream counts from 1 again. */
  readonly sequence: number;
  /** When the stream stored it. */
  readonly storedAt: Date;
  /** The parsed JSON, `undefined` when it is none. Not yet checked against any schema. */
  readonly payload: unknown;
  /** 1 at the first delivery. */
  readonly deliveries: number;
}

/** A delivered message as a fact: parsed, with its place in the stream. */
export function factOf(message: JsMsg): Fact {
  const { streamSequence, deliveryCount } = message.info;
  return {
    subject: message.subject,
    msgId: message.headers?.get('Nats-Msg-Id') ?? '',
    sequence: streamSequence,
    storedAt: message.time,
    payload: payloadOf(message),
    deliveries: deliveryCount,
  };
}

function payloadOf(message: JsMsg): unknown {
  try {
    return message.json();
  } catch {
    return undefined; // The parser's own error quotes its input.
  }
}

/** A committed fact on its way: `msgId` is its event id, by which the stream and every consumer tell repeats. */
export interface OutgoingFact {
  readonly subject: string;
  readonly msgId: string;
  readonly payload: unknown;
}
