import { assertNever, refuse, type Decider } from '#kernel';
import type { PointOwner } from '#contracts';

/**
 * Why a call did not get to the telephone system: it refused, it did not answer, or the service ended meanwhile, so that nobody knows
 * whether it was taken.
 */
export type CallFailure = 'refused' | 'unreachable' | 'interrupted';

/** Who placed it stands in the metadata; the number in the record alone. */
export interface PlacedCall {
  readonly recordType: PointOwner;
  readonly recordId: string;
  readonly phoneId: string;
}

export type CallEvent =
  | { readonly type: 'CallPlaced'; readonly data: PlacedCall }
  | { readonly type: 'CallHandedOver'; readonly data: Readonly<Record<string, never>> }
  | { readonly type: 'CallFailed'; readonly data: { readonly cause: CallFailure } };
export const CALL_EVENT_VERSIONS = { CallPlaced: 1, CallHandedOver: 1, CallFailed: 1 } as const;

export type CallState = { readonly phase: 'none' | 'placed' | 'handed-over' | 'failed' };
export type CallCommand =
  | { readonly type: 'place'; readonly call: PlacedCall }
  | { readonly type: 'hand-over' }
  | { readonly type: 'fail'; readonly cause: CallFailure };

/** A call is placed once and has one end: taken by the telephone system, or failed. The second end of two changes nothing. */
export const callDecider: Decider<CallState, CallCommand, CallEvent> = {
  initialState: { phase: 'none' },
  decide(command, { phase }) {
    if (command.type === 'place') {
      return phase === 'none' ? [{ type: 'CallPlaced', data: command.call }] : refuse('already-exists');
    }
    if (phase === 'none') return refuse('not-found');
    if (phase !== 'placed') return [];
    switch (command.type) {
      case 'hand-over':
        return [{ type: 'CallHandedOver', data: {} }];
      case 'fail':
        return [{ type: 'CallFailed', data: { cause: command.cause } }];
      default:
        return assertNever(command);
    }
  },
  evolve(_, event): CallState {
    switch (event.type) {
      case 'CallPlaced':
        return { phase: 'placed' };
      case 'CallHandedOver':
        return { phase: 'handed-over' };
      case 'CallFailed':
        return { phase: 'failed' };
    }
  },
};
