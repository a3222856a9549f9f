import { refuse, type Decider, type Secret } from '#kernel';
import type { PointOwner } from '#contracts';

/** What was shown in full, to whom the event's metadata say; never the value. */
export interface Revealed {
  readonly recordType: PointOwner;
  readonly recordId: string;
  /** The record's version whose number was shown: a repeat of the request shows no later one. */
  readonly recordVersion: number;
  readonly pointId: string;
  /** Why, as the person wrote it; numbers and e-mails in it are masked for good. It may name whom it is about. */
  readonly reason: Secret<string>;
}

export type RevealEvent =
  | { readonly type: 'PhoneRevealed'; readonly data: Revealed }
  | { readonly type: 'EmailRevealed'; readonly data: Revealed }
  /** The person was erased: why he was shown is gone with him. That he was, when and to whom, stays. */
  | { readonly type: 'RevealErased'; readonly data: { readonly contactId: string } };
export const REVEAL_EVENT_VERSIONS = { PhoneRevealed: 2, EmailRevealed: 2, RevealErased: 1 } as const;

export type RevealState = { readonly phase: 'none' | 'revealed' | 'erased' };
export type RevealCommand =
  | { readonly type: 'reveal'; readonly kind: 'phone' | 'email'; readonly revealed: Revealed }
  | { readonly type: 'erase'; readonly contactId: string };

/** A reveal happens once and is a stream of its own: it changes nothing of the record, whose version stays. */
export const revealDecider: Decider<RevealState, RevealCommand, RevealEvent> = {
  initialState: { phase: 'none' },
  decide(command, { phase }) {
    if (command.type === 'erase') {
      return phase === 'revealed' ? [{ type: 'RevealErased', data: { contactId: command.contactId } }] : [];
    }
    if (phase !== 'none') return refuse('already-exists');
    return [{ type: command.kind === 'phone' ? 'PhoneRevealed' : 'EmailRevealed', data: command.revealed }];
  },
  evolve(_state, event): RevealState {
    switch (event.type) {
      case 'PhoneRevealed':
      case 'EmailRevealed':
        return { phase: 'revealed' };
      case 'RevealErased':
        return { phase: 'erased' };
    }
  },
};
