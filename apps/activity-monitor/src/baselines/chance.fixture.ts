/** Seeded pseudo-random choices (mulberry32): one seed, one company. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 0x9e3779b1;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(among: readonly T[]): T | undefined {
    return among[this.below(among.length)];
  }

  some<T>(among: readonly T[], count: number): readonly T[] {
    return this.shuffled(among).slice(0, count);
  }

  shuffled<T>(values: readonly T[]): readonly T[] {
    return values
      .map((value) => [this.next(), value] as const)
      .sort(([left], [right]) => left - right)
      .map(([, value]) => value);
  }

  /** Its median is 1. */
  logNormal(sigma: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return Math.exp(sigma * radius * Math.cos(2 * Math.PI * this.next()));
  }

  /** Knuth's way, in steps of 30 so that nothing underflows. */
  poisson(mean: number): number {
    let count = 0;
    for (let left = mean; left > 0; left -= 30) {
      const floor = Math.exp(-Math.min(left, 30));
      for (let product = this.next(); product > floor; product *= this.next()) count += 1;
    }
    return count;
  }
}
