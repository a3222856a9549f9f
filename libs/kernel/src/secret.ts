/**
 * A personal value in memory. It has no way out but `expose()`: JSON, string conversion and inspection give a placeholder,
 * so a log line, an error or a metric cannot carry it by accident. The event codec seals every Secret it meets.
 */
export class Secret<T> {
  readonly #value: T | undefined;

  constructor(value: T) {
    this.#value = value;
  }

  /** The place of a value whose key was destroyed. */
  static erased<T>(): Secret<T> {
    return new ErasedSecret<T>();
  }

  /** True when the key of this value was destroyed; `expose()` then throws. */
  get isErased(): boolean {
    return false;
  }

  /** The value itself. Throws a plain Error (without the value) when it was erased. */
  expose(): T {
    return this.#value as T;
  }

  toJSON(): string {
    return '[secret]';
  }

  toString(): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}

class ErasedSecret<T> extends Secret<T> {
  constructor() {
    super(undefined as T);
  }

  override get isErased(): boolean {
    return true;
  }

  override expose(): T {
    throw new Error('the key of this value was destroyed');
  }
}
