import { post, type Logger } from '#platform';

const TIMEOUT_MS = 3_000;
/** Heads kept for a receiver that is away; the oldest go first. The file has them all. */
const KEPT = 100;

/**
 * Posts heads to a place outside, in order. What is not taken is kept and tried with the next head. It holds nobody up and throws
 * nothing. Redirects are not followed; loopback and private addresses are refused unless allowed, also behind a name.
 */
export class HeadsWebhook {
  readonly #pending: string[] = [];
  #sending: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    private readonly allowPrivate: boolean,
    private readonly logger: Logger,
  ) {}

  offer(line: string): void {
    this.#pending.push(line);
    if (this.#pending.length > KEPT) this.#pending.shift();
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    try {
      for (let line = this.#pending[0]; line !== undefined; line = this.#pending[0]) {
        await post(this.url, line, { allowPrivate: this.allowPrivate, timeoutMs: TIMEOUT_MS });
        if (this.#pending[0] === line) this.#pending.shift();
      }
    } catch (error) {
      this.logger.warn('a head was not taken outside', { waiting: this.#pending.length, error });
    }
  }
}
