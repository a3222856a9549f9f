/**
 * Runs `turn` again and again until stopped. A turn says how many milliseconds to rest before the next; `wake` ends the rest at
 * once. A turn that throws is a fault of the program and ends the loop, so turns catch what they expect.
 */
export class WakingLoop {
  readonly #ended: Promise<void>;
  #isStopped = false;
  #isWoken = false;
  #endRest: (() => void) | undefined;

  constructor(turn: () => Promise<number>) {
    this.#ended = this.#run(turn);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Begins the next turn now, or after the one that is running. */
  wake(): void {
    this.#isWoken = true;
    this.#endRest?.();
  }

  /** Waits for the running turn; there is none after it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.wake();
    await this.#ended;
  }

  async #run(turn: () => Promise<number>): Promise<void> {
    while (!this.#isStopped) {
      this.#isWoken = false;
      await this.#rest(await turn());
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endRest?.(), this.#isWoken ? 0 : ms);
      this.#endRest = () => {
        clearTimeout(timer);
        this.#endRest = undefined;
        resolve();
      };
    });
  }
}
