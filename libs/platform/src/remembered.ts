/** What a process remembers at most. */
export interface RememberedLimits<Value> {
  readonly most: number;
  /** Of all that is remembered together, in the units of `weightOf`. */
  readonly mostWeight: number;
  readonly weightOf: (value: Value) => number;
}

/**
 * Values by key, so many and so heavy and no more: what would be too much makes it begin anew, which costs everybody one more look. For
 * what can be read again at any time.
 */
export class Remembered<Value> {
  readonly #values = new Map<string, Value>();
  #weight = 0;

  constructor(private readonly limits: RememberedLimits<Value>) {}

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  /** Anything that is remembered. */
  any(): Value | undefined {
    const first = this.#values.values().next();
    return first.done ? undefined : first.value;
  }

  /** In place of what was remembered under the key. A value that is too heavy by itself is not remembered. */
  set(key: string, value: Value): void {
    this.delete(key);
    const { most, mostWeight, weightOf } = this.limits;
    const weight = weightOf(value);
    if (weight > mostWeight) return;
    if (this.#values.size >= most || this.#weight + weight > mostWeight) this.clear();
    this.#values.set(key, value);
    this.#weight += weight;
  }

  delete(key: string): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#weight -= this.limits.weightOf(value);
    this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
    this.#weight = 0;
  }
}
