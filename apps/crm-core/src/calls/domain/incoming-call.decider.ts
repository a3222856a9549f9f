import { refuse, type Decider } from '#kernel';
import type { PlacedCall } from './call.decider.js';

/** A call came in. `from` is whose number it was, once for each such record; null for a number of nobody. */
export type IncomingCallEvent = {
  readonly type: 'CallReceived';
  readonly data: {
    readonly from: PlacedCall | null;
    /** The line that was called, as the telephone system names it; numbers and e-mails in it are masked for good. */
    readonly line: string | null;
  };
};
export const INCOMING_CALL_EVENT_VERSIONS = { CallReceived: 1 } as const;

export type IncomingCallState = { readonly received: boolean };
export type IncomingCallCommand = {
  readonly type: 'receive';
  readonly from: readonly PlacedCall[];
  readonly line: string | null;
};

/** One event for each record that the number is of, for each has a responsible person of its own; one for a number of nobody too. */
export const incomingCallDecider: Decider<IncomingCallState, IncomingCallCommand, IncomingCallEvent> = {
  initialState: { received: false },
  decide({ from, line }, { received }) {
    if (received) return refuse('already-exists');
    const owners = from.length === 0 ? [null] : from;
    return owners.map((one) => ({ type: 'CallReceived', data: { from: one, line } }));
  },
  evolve: () => ({ received: true }),
};
