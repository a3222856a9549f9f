import { PRINT_BYTES } from '../heads-file.js';

/** An event that was sealed, as the chain tells of it. The id is null when only what stands outside tells of it. */
export interface SealedEvent {
  readonly seal: number;
  readonly id: string | null;
  /** The beginning of its hash, or all of it. */
  readonly print: Buffer;
}

/** An event as the log has it now. */
export interface LoggedEvent {
  readonly id: string;
  readonly seq: string;
  readonly stream: string;
  readonly version: string;
  readonly hash: Buffer;
}

export type Difference =
  | { readonly kind: 'changed'; readonly sealed: SealedEvent; readonly logged: LoggedEvent }
  | { readonly kind: 'missing'; readonly sealed: SealedEvent; readonly before: LoggedEvent | undefined }
  | { readonly kind: 'inserted'; readonly sealed: SealedEvent; readonly logged: LoggedEvent }
  /** `moved` is the sealed event as the log has it now, `logged` what stands in its place. */
  | { readonly kind: 'out-of-order'; readonly sealed: SealedEvent; readonly logged: LoggedEvent; readonly moved: LoggedEvent };

/** True when the event is what was sealed, to the byte; its id is a part of its hash. */
export function isSame({ print }: SealedEvent, { hash }: Pick<LoggedEvent, 'hash'>): boolean {
  return print.length >= PRINT_BYTES && print.compare(hash, 0, print.length) === 0;
}

/**
 * What differs first, given what was sealed and what the log has from the place on where they part; both windows look some way
 * ahead. Pure.
 */
export function firstDifference(sealed: readonly SealedEvent[], logged: readonly LoggedEvent[]): Difference {
  const [expected, actual] = [sealed[0], logged[0]];
  if (expected === undefined) throw new RangeError('nothing was sealed here');
  if (actual === undefined) return { kind: 'missing', sealed: expected, before: undefined };
  if (expected.id === actual.id) return { kind: 'changed', sealed: expected, logged: actual };
  const isKnown = (one: SealedEvent, other: LoggedEvent): boolean => one.id === other.id || isSame(one, other);
  const moved = logged.find((event) => isKnown(expected, event));
  const wasSealed = sealed.some((event) => isKnown(event, actual));
  if (moved !== undefined && wasSealed) return { kind: 'out-of-order', sealed: expected, logged: actual, moved };
  if (moved !== undefined) return { kind: 'inserted', sealed: expected, logged: actual };
  if (wasSealed) return { kind: 'missing', sealed: expected, before: actual };
  // Neither is known to the other side: one in the place of another. With ids that is a replaced event, without them a changed one.
  return expected.id === null
    ? { kind: 'changed', sealed: expected, logged: actual }
    : { kind: 'missing', sealed: expected, before: actual };
}
