import type { Secret } from '#kernel';

/** A call on its way to the telephone system. */
export interface OutgoingCall {
  /** The same call again has the same id, and is to be made once. */
  readonly callId: string;
  /** As stored: E.164, with `;ext=` where there is an extension. */
  readonly number: Secret<string>;
  /** Who called: whose telephone is to be connected. */
  readonly userId: string;
  /** When it was placed, ISO 8601. */
  readonly placedAt: string;
}

/** `no-answer` may be tried again; `refused` is final. */
export type HandOver = 'taken' | 'refused' | 'no-answer';

/** A driver of a telephone system. */
export interface Telephone {
  /** Hands the call over. Does not throw, and answers within 4 s. Nothing of the number is logged but its mask. */
  handOver(call: OutgoingCall): Promise<HandOver>;
}
