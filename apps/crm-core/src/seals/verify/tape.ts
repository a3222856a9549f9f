/** A source of items in batches, read one after the other with a look ahead. Holds what is looked at and one batch, no more. */
export class Tape<T> {
  #held: T[] = [];
  #at = 0;
  #ended = false;

  constructor(private readonly source: AsyncIterator<readonly T[]>) {}

  /** The next item without a wait; undefined when the batch is used up. */
  get ready(): T | undefined {
    return this.#held[this.#at];
  }

  /** The next item; undefined at the end. */
  async peek(): Promise<T | undefined> {
    return this.ready ?? (await this.window(1))[0];
  }

  /** Up to `count` items from here on; fewer only at the end. */
  async window(count: number): Promise<readonly T[]> {
    while (!this.#ended && this.#held.length - this.#at < count) {
      const { value, done } = await this.source.next();
      if (done === true) this.#ended = true;
      else this.#held = [...this.#held.slice(this.#at), ...(value as readonly T[])];
      if (done !== true) this.#at = 0;
    }
    return this.#held.slice(this.#at, this.#at + count);
  }

  advance(): void {
    this.#at += 1;
  }
}
