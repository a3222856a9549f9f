import { refuse, type Decider } from '#kernel';
import type { PointOwner } from '#contracts';

/** What was shown in full, to whom the event's metadata say; never the value. */
export interface Revealed {
  readonly recordType: PointOwner;
  readonly recordId: string;
  /** The record's version whose number was shown: a repeat of the request shows no later one. */
  readonly recordVersion: number;
  readonly pointId: string;
  /** Why, as the person wrote it; numbers and e-mails in it are masked for good. */
  readonly reason: string;
}

export type RevealEvent =
  { readonly type: 'PhoneRevealed'; readonly data: Revealed } | { readonly type: 'EmailRevealed'; readonly data: Revealed };
export const REVEAL_EVENT_VERSIONS = { PhoneRevealed: 1, EmailRevealed: 1 } as const;

export type RevealState = { readonly revealed: boolean };
export type RevealCommand = { readonly type: 'reveal'; readonly kind: 'phone' | 'email'; readonly revealed: Revealed };

/** A reveal happens once and is a stream of its own: it changes nothing of the record, whose version stays. */
export const revealDecider: Decider<RevealState, RevealCommand, RevealEvent> = {
  initialState: { revealed: false },
  decide(command, { revealed }) {
    if (revealed) return refuse('already-exists');
    return [{ type: command.kind === 'phone' ? 'PhoneRevealed' : 'EmailRevealed', data: command.revealed }];
  },
  evolve: () => ({ revealed: true }),
};
