/** One thing wrong with an input: where, a stable kebab-case code, and words that never quote the value. */
export interface FieldError {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/**
 * A refusal: what was asked may not or cannot be done, and nothing has changed. `code` is stable and kebab-case and stands in
 * the catalogue of `#contracts`; it says nothing of HTTP. Neither code nor message ever carries a value of a person.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError';

  constructor(
    readonly code: string,
    readonly options: {
      readonly detail?: string;
      readonly errors?: readonly FieldError[];
      readonly retryAfterSeconds?: number;
    } = {},
  ) {
    super(options.detail ?? code);
  }
}

/** Throws a refusal. Typed `never`, so it reads as the end of a rule. */
export function refuse(code: string, detail?: string): never {
  throw new DomainError(code, detail === undefined ? {} : { detail });
}

/** Throws a refusal of one invalid field (`code` is the code of the whole refusal and of the field). */
export function refuseField(code: string, path: string, message: string): never {
  throw new DomainError(code, { detail: message, errors: [{ path, code, message }] });
}

/** Marks a branch that the types rule out; a new variant stops the build here. */
export function assertNever(value: never): never {
  throw new Error(`unexpected variant: ${typeof value}`);
}
