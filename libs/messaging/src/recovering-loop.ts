import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf, type Broker } from './broker.js';

const SHORTEST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

/**
 * Runs a session (one consumer on one live connection) again and again until stopped: whatever ends it, the stream missing, the
 * broker restarted or its directory wiped, the next one begins from what is true then. Waits 100 ms to 2 s in between.
 */
export class RecoveringLoop {
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;

  constructor(broker: Broker, name: string, session: (signal: AbortSignal, onProgress: () => void) => Promise<void>) {
    this.#ended = this.#run(broker, name, session);
  }

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Ends the present session and waits for it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(
    broker: Broker,
    name: string,
    session: (signal: AbortSignal, onProgress: () => void) => Promise<void>,
  ): Promise<void> {
    const { signal } = this.#stopping;
    let wait = SHORTEST_WAIT_MS;
    while (!signal.aborted) {
      try {
        await broker.connection(signal);
        await session(signal, () => (wait = SHORTEST_WAIT_MS));
      } catch (error) {
        if (!signal.aborted) broker.log('consumer-interrupted', { consumer: name, reason: reasonOf(error) });
      }
      await sleep(wait, undefined, { signal }).catch(() => undefined);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }
}
