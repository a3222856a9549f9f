import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { formSecretsContext, SUBJECTS, type LeadFormsQuery } from '#contracts';
import { request, type Broker } from '#messaging';
import type { Logger } from '#platform';
import { newReceiverKeys, openEnvelope, type ReceiverKeys } from '#privacy';
import { WakingLoop } from '../waking-loop.js';
import type { FormBook } from './form-book.js';

const REFRESH_MS = 30_000;
const RETRY_MS = 500;
const ANSWER_LIMIT_MS = 2_000;
const secretsSchema = z.record(z.string(), z.string());

/** Keeps the form book true: asks core at start, at each reconnect, every 30 s and when core says that a form changed. */
export class FormWatch {
  readonly #loop: WakingLoop;
  readonly #unlisten: () => void;
  readonly #receiver: Promise<ReceiverKeys> = newReceiverKeys();
  #heardOn: unknown;

  constructor(
    private readonly broker: Broker,
    private readonly book: FormBook,
    private readonly logger: Logger,
  ) {
    this.#loop = new WakingLoop(() => this.#refresh());
    this.#unlisten = broker.onConnected(() => this.#loop.wake());
  }

  async stop(): Promise<void> {
    this.#unlisten();
    await this.#loop.stop();
  }

  async #refresh(): Promise<number> {
    if (!this.broker.isConnected) return REFRESH_MS;
    try {
      this.#hear();
      await this.#ask();
      return REFRESH_MS;
    } catch (error) {
      this.logger.debug('forms not refreshed', { error });
      return RETRY_MS;
    }
  }

  /** The secrets come sealed to this process: nobody on the broker reads them. */
  async #ask(): Promise<void> {
    const { publicJwk, privateKey } = await this.#receiver;
    const query: LeadFormsQuery = { requestId: randomUUID(), replyJwk: { ...publicJwk } };
    const answer = await request<unknown>(this.broker, SUBJECTS.leadForms, query, { timeoutMs: ANSWER_LIMIT_MS });
    const sealed = (answer as { secrets?: unknown } | null)?.secrets;
    const secrets =
      typeof sealed === 'string' ? await openEnvelope(privateKey, sealed, formSecretsContext(query.requestId ?? '')) : undefined;
    const opened = secrets === undefined ? {} : secretsSchema.parse(JSON.parse(Buffer.from(secrets).toString('utf8')));
    await this.book.replace(answer, opened);
  }

  /** Subscribes once per connection (the client itself renews it at a reconnect), and before asking, so no change falls between. */
  #hear(): void {
    const connection = this.broker.connected;
    if (this.#heardOn === connection) return;
    connection.subscribe(SUBJECTS.formsChanged, { callback: () => this.#loop.wake() });
    this.#heardOn = connection;
  }
}
