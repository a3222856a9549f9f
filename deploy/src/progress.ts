const FIRST_WORD_AFTER_MS = 1_000;
const REMINDER_MS = 5_000;

/** Says what the start is doing, on a terminal with the seconds running, elsewhere in lines. */
export class Progress {
  readonly #out: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  say(line: string): void {
    this.#out.write(`${line}\n`);
  }

  /** Runs work under a name; shows at the latest after a second that it is at work, and how long it took. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedAt = Date.now();
    const seconds = (): string => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
    const timer = setInterval(
      () => this.#out.write(this.#out.isTTY ? `\r  ${name} … ${seconds()} ` : `  ${name} … ${seconds()}\n`),
      this.#out.isTTY ? FIRST_WORD_AFTER_MS / 4 : REMINDER_MS,
    );
    const first = setTimeout(() => {
      if (!this.#out.isTTY) this.say(`  ${name} …`);
    }, FIRST_WORD_AFTER_MS);
    const end = (mark: string): void => {
      clearInterval(timer);
      clearTimeout(first);
      this.#out.write(`${this.#out.isTTY ? '\r' : ''}${mark} ${name} (${seconds()})\n`);
    };
    try {
      const result = await work();
      end('✓');
      return result;
    } catch (error) {
      end('✗');
      throw error;
    }
  }
}
