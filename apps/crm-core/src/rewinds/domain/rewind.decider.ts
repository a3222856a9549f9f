import { assertNever, refuse, type Decider } from '#kernel';
import type { RewindEvent } from './rewind.events.js';

export interface RewindAggregateState {
  readonly phase: 'none' | 'running' | 'finished';
}

type DataOf<Type extends RewindEvent['type']> = Extract<RewindEvent, { readonly type: Type }>['data'];
export type RewindCommand =
  | { readonly type: 'start'; readonly data: DataOf<'RewindStarted'> }
  | { readonly type: 'finish'; readonly data: DataOf<'RewindFinished'> };

/** A rewind starts once and finishes once. */
export const rewindDecider: Decider<RewindAggregateState, RewindCommand, RewindEvent> = {
  initialState: { phase: 'none' },
  decide(command, { phase }) {
    switch (command.type) {
      case 'start':
        return phase === 'none' ? [{ type: 'RewindStarted', data: command.data }] : refuse('already-exists');
      case 'finish':
        if (phase === 'none') return refuse('not-found');
        return phase === 'finished' ? [] : [{ type: 'RewindFinished', data: command.data }];
      default:
        return assertNever(command);
    }
  },
  evolve(_, event): RewindAggregateState {
    switch (event.type) {
      case 'RewindStarted':
        return { phase: 'running' };
      case 'RewindFinished':
        return { phase: 'finished' };
    }
  },
};
