import { refuse, type Decider } from '#kernel';
import type { PointOwner } from '#contracts';

/** Somebody looked up a complete number. The records that he was shown; of the number nothing. */
export type LookupEvent = {
  readonly type: 'PhoneLookedUp';
  readonly data: { readonly matches: readonly { readonly type: PointOwner; readonly id: string }[] };
};
export const LOOKUP_EVENT_VERSIONS = { PhoneLookedUp: 1 } as const;

export type LookupState = { readonly lookedUp: boolean };
export type LookupCommand = { readonly type: 'look-up'; readonly matches: LookupEvent['data']['matches'] };

/** A lookup happens once, hit or miss. */
export const lookupDecider: Decider<LookupState, LookupCommand, LookupEvent> = {
  initialState: { lookedUp: false },
  decide: ({ matches }, { lookedUp }) => (lookedUp ? refuse('already-exists') : [{ type: 'PhoneLookedUp', data: { matches } }]),
  evolve: () => ({ lookedUp: true }),
};
