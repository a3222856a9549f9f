import type { Logger } from '#platform';
import { WakingLoop } from '../waking-loop.js';
import type { Spool } from './spool.js';

/** How long a key is remembered: as long as core remembers those of commands. */
const KEPT_MS = 7 * 24 * 3_600_000;
const EVERY_MS = 3_600_000;

/** Drops the receipts of keyed submissions that nobody needs any more, at start and every hour. */
export class ReceiptExpiry {
  readonly #loop: WakingLoop;

  constructor(spool: Spool, logger: Logger) {
    this.#loop = new WakingLoop(async () => {
      try {
        await spool.expireReceipts(new Date(Date.now() - KEPT_MS).toISOString());
      } catch (error) {
        logger.warn('receipts not expired', { error });
      }
      return EVERY_MS;
    });
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }
}
