import type { Msg } from '@nats-io/transport-node';

/** Where a service listens for answers: `_INBOX_<user>.…`, which the broker lets that user alone read. */
const INBOX_OF_A_SERVICE = /^_INBOX_[A-Za-z0-9-]+\../;

/**
 * Reads the packets of Nest's NATS server (its `deserializer`) and refuses to hear what wants its answer elsewhere than in a service's own
 * inbox. A reply subject is the asker's to choose and the answer is sent by our rights, not by his: an answer of core's to
 * `$JS.API.STREAM.PURGE.CRM` would purge the stream. What a stream delivers under a subject of ours has no such inbox either.
 * Throws without a word of the message.
 */
export class ServiceRequests {
  deserialize(message: Pick<Msg, 'reply' | 'string'>): { pattern: unknown; data: unknown; id?: unknown } {
    if (!INBOX_OF_A_SERVICE.test(message.reply ?? '')) throw new Error('a request wants no answer in an inbox of a service');
    const packet = parsed(message.string());
    if (typeof packet !== 'object' || packet === null || !('id' in packet)) throw new Error('a request is no packet');
    return { pattern: undefined, data: undefined, ...packet };
  }
}

/** The parser's own error quotes its input. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
