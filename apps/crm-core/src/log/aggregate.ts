import type { Decider, DomainEvent } from '#kernel';
import type { EventMetadata } from '#event-store';
import type { RowChange } from './row-change.js';

/** What projections and upcasters may know of who and what an event goes back to: a rebuild reads no more of it. */
export type ProjectedMetadata = Pick<EventMetadata, 'at' | 'actorId' | 'ip'>;

/** An event with its place in the log, its secrets open and its shape the present one: what projections and facts are made of. */
export interface RecordedEvent<E extends DomainEvent = DomainEvent, Metadata extends ProjectedMetadata = EventMetadata> {
  readonly event: E;
  readonly id: string;
  /** Id of the aggregate. */
  readonly aggregateId: string;
  readonly version: number;
  readonly metadata: Metadata;
}
/** A recorded event as projections see it. */
export type ProjectedEvent<E extends DomainEvent = DomainEvent> = RecordedEvent<E, ProjectedMetadata>;

/** What a projection may do with a personal value that stays readable to core alone: seal it, or make its lookup value. */
export interface ProjectionTools {
  /** Seals for the vault with the owner's key, bound to the point's id. */
  sealPoint(pointId: string, value: string): string;
  /** HMAC for exact lookup; canonical form in, 32 bytes out, hexadecimal. */
  blindIndex(kind: 'phone' | 'email', canonical: string): string;
}

/** Data of an older shape, secrets open, to the next shape. Pure; it must not throw on anything that was ever written. */
export type Upcaster = (
  data: Readonly<Record<string, unknown>>,
  metadata: ProjectedMetadata,
) => Readonly<Record<string, unknown>>;

/** One kind of stream: its rules, the version of each of its event shapes, and its inline projection. */
export interface Aggregate<State, Command, Event extends DomainEvent> extends Decider<State, Command, Event> {
  /** First part of the stream's name: `contact` makes `contact-<id>`. */
  readonly category: string;
  /** True when events carry secrets: the stream then has a data key of its own. */
  readonly sealed: boolean;
  /** Schema version of each event type; a changed shape gets a new one. */
  readonly eventVersions: { readonly [Type in Event['type']]: number };
  /** By event type and version: from that version to the next. */
  readonly upcasters?: { readonly [Type in Event['type']]?: Readonly<Record<number, Upcaster>> };
  /** The event with which the stream's data key is destroyed: whatever it and those before it sealed stays closed for good. */
  readonly erasedBy?: Event['type'];
  /**
   * The event whose fields take the place of those of the same name in the stream's first event and in earlier ones of this type, in the
   * state as in every row (but for `customFields`, whose members do).
   */
  readonly changedBy?: Event['type'];
  /** What this event changes in the read models; doing it twice changes nothing. A property: so it may ask for no more metadata. */
  readonly project: (recorded: ProjectedEvent<Event>, tools: ProjectionTools) => readonly RowChange[];
}
export type AnyAggregate = Aggregate<unknown, unknown, DomainEvent>;

/** The name of an aggregate's stream: `<category>-<id>`. */
export const streamOf = (aggregate: { readonly category: string }, id: string): string => `${aggregate.category}-${id}`;

/** The reverse: the id is the UUID at the end; a category may hold dashes of its own. */
export function streamParts(stream: string): { readonly category: string; readonly id: string } {
  return { category: stream.slice(0, -37), id: stream.slice(-36) };
}

/** The owner of a data key: the stream, and how often its key was destroyed before. */
export const keyOwner = (stream: string, generation: number): string => (generation === 0 ? stream : `${stream}#${generation}`);
