import { headers, createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { JetStreamApiError, type ApiError } from '@nats-io/jetstream';
import { brokerUnavailable } from './broker.js';
import type { OutgoingFact } from './fact.js';

/** Headers by which a stream tells repeats, and what it must be to take a message (nats.io, "JetStream headers"). */
const MSG_ID = 'Nats-Msg-Id';
const EXPECTED_STREAM = 'Nats-Expected-Stream';
const EXPECTED_LAST_MSG_ID = 'Nats-Expected-Last-Msg-Id';

export interface ConfirmationsOptions {
  /** Of the connection, whose inboxes it may read. */
  readonly inboxPrefix: string;
  /** How long any confirmation is waited for while there is none. */
  readonly timeoutMs: number;
  readonly expectedStream?: string;
}

/**
 * Publishes many facts and hears their confirmations by one subscription. The client's own way makes a request of each, with a timer, an
 * exception and a handful of objects: more than half of what a fact cost.
 */
export class Confirmations {
  readonly #connection: NatsConnection;
  readonly #options: ConfirmationsOptions;
  readonly #inbox: string;
  readonly #waiting = new Map<string, (failure: unknown) => void>();
  readonly #subscription: { unsubscribe(): void };
  /** Moved on by each confirmation: what waits when nothing has come for so long has failed. */
  readonly #silence: NodeJS.Timeout;
  #last = 0;

  constructor(connection: NatsConnection, options: ConfirmationsOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#inbox = createInbox(options.inboxPrefix);
    this.#subscription = connection.subscribe(`${this.#inbox}.*`, { callback: (error, message) => this.#heard(error, message) });
    this.#silence = setTimeout(() => this.#failAll(), options.timeoutMs);
  }

  /** Resolves with undefined when the stream has the fact, with the error when it does not, or nobody knows. Does not reject. */
  publish({ subject, msgId, payload }: OutgoingFact, after: string | undefined): Promise<unknown> {
    const token = String((this.#last += 1));
    const { expectedStream } = this.#options;
    const about = headers();
    about.set(MSG_ID, msgId);
    if (expectedStream !== undefined) about.set(EXPECTED_STREAM, expectedStream);
    if (after !== undefined) about.set(EXPECTED_LAST_MSG_ID, after);
    return new Promise((resolve) => {
      this.#waiting.set(token, resolve);
      try {
        this.#connection.publish(subject, JSON.stringify(payload), { reply: `${this.#inbox}.${token}`, headers: about });
        this.#silence.refresh();
      } catch (error) {
        this.#settle(token, error);
      }
    });
  }

  /** Hears no more. */
  end(): void {
    clearTimeout(this.#silence);
    this.#subscription.unsubscribe();
    this.#failAll();
  }

  #heard(error: Error | null, message: Msg): void {
    if (error !== null) return this.#failAll();
    this.#silence.refresh();
    this.#settle(message.subject.slice(this.#inbox.length + 1), failureOf(message));
  }

  #settle(token: string, failure: unknown): void {
    const settle = this.#waiting.get(token);
    this.#waiting.delete(token);
    settle?.(failure);
  }

  #failAll(): void {
    for (const token of [...this.#waiting.keys()]) this.#settle(token, brokerUnavailable());
  }
}

/** Undefined for a confirmation. Without a stream that takes the subject the broker itself answers, with nothing but a status. */
function failureOf(message: Msg): unknown {
  if (message.data.length === 0) return brokerUnavailable();
  try {
    const { error, stream } = message.json<{ readonly error?: ApiError; readonly stream?: string }>();
    if (error !== undefined) return new JetStreamApiError(error);
    return stream ? undefined : brokerUnavailable();
  } catch {
    return brokerUnavailable();
  }
}
