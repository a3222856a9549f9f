import type { Alarm } from '#contracts';
import { DomainError } from '#kernel';
import { isUnavailable, post, PostFailed, restFor, signatureOf, type Logger } from '#platform';
import type { MonitorClient } from '../watching/monitor-client.js';
import type { Claim, DeliveryQueue } from './delivery-queue.js';
import type { WebhookKeys } from './webhook-keys.js';

/** An alarm is looked for so often where nobody tells of one. */
const LOOK_EVERY_MS = 1_000;
const TIDY_EVERY_MS = 3_600_000;
const ALARMS_AT_ONCE = 200;
const TIMEOUT_MS = 5_000;

export interface WebhookSenderOptions {
  readonly queue: DeliveryQueue;
  readonly keys: WebhookKeys;
  readonly monitor: Pick<MonitorClient, 'alarms'>;
  readonly allowPrivateTargets: boolean;
  readonly logger: Logger;
}

/**
 * Sends alarms to webhooks. The monitor's list of alarms is what counts, not the stream: what was missed is found there. To one webhook
 * a gateway sends one message at a time, in the order of the alarms, so that a receiver that hangs holds up nobody but himself.
 */
export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #stopping = new AbortController();
  readonly #sending = new Map<string, Promise<void>>();
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;
  #tidied = -Infinity;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Waits for what is on its way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    await Promise.all(this.#sending.values());
  }

  /** Looks at once. */
  wake(): void {
    this.#wake();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const pause = new AbortController();
      this.#wake = () => pause.abort();
      await this.#once();
      await restFor(LOOK_EVERY_MS, AbortSignal.any([signal, pause.signal]));
    }
  }

  /** The monitor may be away: what is noted already is sent all the same. */
  async #once(): Promise<void> {
    try {
      const after = await this.#options.queue.notedUpTo();
      if (after === null) return;
      await this.#note(after).catch((error: unknown) => this.#report('alarms could not be asked for', error));
      for (const claim of await this.#options.queue.claim([...this.#sending.keys()])) this.#begin(claim);
      if (performance.now() - this.#tidied < TIDY_EVERY_MS) return;
      await this.#options.queue.tidy();
      this.#tidied = performance.now();
    } catch (error) {
      this.#report('webhooks wait', error);
    }
  }

  async #note(after: string): Promise<void> {
    for (let last = after; !this.#stopping.signal.aborted;) {
      const { items } = await this.#options.monitor.alarms({ limit: ALARMS_AT_ONCE, beforeId: null, afterId: last });
      await this.#options.queue.note(items);
      const end: Alarm | undefined = items.at(-1);
      if (end === undefined || items.length < ALARMS_AT_ONCE) return;
      last = end.id;
    }
  }

  #begin(claim: Claim): void {
    const sending = this.#send(claim)
      .catch((error: unknown) => this.#report('what became of a delivery could not be written down', error))
      .finally(() => {
        this.#sending.delete(claim.webhookId);
        // The next one for it.
        this.#wake();
      });
    this.#sending.set(claim.webhookId, sending);
  }

  async #send(claim: Claim): Promise<void> {
    const { queue, keys, allowPrivateTargets: allowPrivate, logger } = this.#options;
    const { webhookId, alarmId, body, attempts } = claim;
    try {
      const { url, secret } = keys.open(webhookId, claim.sealed);
      const headers = { 'palisade-signature': signatureOf(secret, body, new Date()), 'user-agent': 'Palisade' };
      await queue.taken(claim, await post(url, body, { allowPrivate, timeoutMs: TIMEOUT_MS, headers }));
    } catch (error) {
      if (!(error instanceof PostFailed)) throw error;
      const { fault, status } = error;
      const state = await queue.failed(claim, error);
      if (state === 'dead') logger.warn('an alarm was not taken by a webhook', { webhookId, alarmId, attempts, fault, status });
    }
  }

  #report(message: string, error: unknown): void {
    const isAway = isUnavailable(error) || (error instanceof DomainError && error.code === 'dependency-unavailable');
    if (!isAway) this.#options.logger.error(message, { error });
  }
}
