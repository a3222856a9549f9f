/** Lets one at a time work on a stream, in the order in which they came. It is about this process alone, and saves lost races. */
export class StreamTurns {
  private readonly ends = new Map<string, Promise<unknown>>();

  /** True while somebody works on the stream or waits for it. */
  isTaken(stream: string): boolean {
    return this.ends.has(stream);
  }

  /** Runs the work after all that asked before, whatever became of them. */
  async run<T>(stream: string, work: () => Promise<T>): Promise<T> {
    const before = this.ends.get(stream) ?? Promise.resolve();
    const result = before.then(work);
    const end = result.then(
      () => undefined,
      () => undefined,
    );
    this.ends.set(stream, end);
    try {
      return await result;
    } finally {
      if (this.ends.get(stream) === end) this.ends.delete(stream);
    }
  }
}
