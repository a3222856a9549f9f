import type { Decider, DomainEvent } from '#kernel';
import type { EventMetadata, Statement } from '#event-store';

/** An event with its place in the log, its secrets open: what projections and facts are made of. */
export interface RecordedEvent<E extends DomainEvent = DomainEvent> {
  readonly event: E;
  readonly id: string;
  /** Id of the aggregate. */
  readonly aggregateId: string;
  readonly version: number;
  readonly metadata: EventMetadata;
}

/** What a projection may do with a personal value that stays readable to core alone: seal it, or make its lookup value. */
export interface ProjectionTools {
  /** Seals for the vault with the owner's key, bound to the point's id. */
  sealPoint(pointId: string, value: string): string;
  /** HMAC for exact lookup; canonical form in, 32 bytes out. */
  blindIndex(kind: 'phone' | 'email', canonical: string): Buffer;
}

/** One kind of stream: its rules, the version of each of its event shapes, and its inline projection. */
export interface Aggregate<State, Command, Event extends DomainEvent> extends Decider<State, Command, Event> {
  /** First part of the stream's name: `contact` makes `contact-<id>`. */
  readonly category: string;
  /** True when events carry secrets: the stream then has a data key of its own. */
  readonly sealed: boolean;
  /** Schema version of each event type; a changed shape gets a new one. */
  readonly eventVersions: { readonly [Type in Event['type']]: number };
  /** The statements that bring the read models up to this event; running them twice changes nothing. */
  project(recorded: RecordedEvent<Event>, tools: ProjectionTools): readonly Statement[];
}

export const streamOf = (aggregate: { readonly category: string }, id: string): string => `${aggregate.category}-${id}`;
