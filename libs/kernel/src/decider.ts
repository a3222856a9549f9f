/** Something that happened, in the past tense. Values of people stand in it as `Secret` and in no other way. */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}

/**
 * The rules of one aggregate as pure functions: no clock, no random, no I/O. Time and ids come in with the command.
 * `decide` gives the events of an accepted command (none when nothing changes) or throws a `DomainError`;
 * `evolve` folds one event into the state.
 */
export interface Decider<State, Command, Event extends DomainEvent> {
  readonly initialState: State;
  decide(command: Command, state: State): readonly Event[];
  evolve(state: State, event: Event): State;
}

/** Folds a history into the state that a command meets. */
export function fold<State, Event extends DomainEvent>(
  decider: Pick<Decider<State, never, Event>, 'initialState' | 'evolve'>,
  events: readonly Event[],
): State {
  return events.reduce((state, event) => decider.evolve(state, event), decider.initialState);
}
