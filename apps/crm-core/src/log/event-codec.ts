import type { DomainEvent } from '#kernel';
import type { EventMetadata, StoredEvent } from '#event-store';
import { openSecrets } from '#privacy';
import { keyOwner, streamParts, type Aggregate, type ProjectedMetadata, type RecordedEvent, type Upcaster } from './aggregate.js';

/** What the codec needs of a stored event: its place in commit order says nothing of its content. */
export type CodedEvent<Metadata extends ProjectedMetadata = EventMetadata> = Omit<StoredEvent, 'seq' | 'txId' | 'metadata'> & {
  readonly metadata: Metadata;
};

/** Whatever the codec needs of an aggregate. */
type Shapes<Event extends DomainEvent> = Pick<
  Aggregate<never, never, Event>,
  'sealed' | 'eventVersions' | 'upcasters' | 'erasedBy'
>;

/** How often the key of a stream was destroyed so far. */
export function generationOf(shapes: { readonly erasedBy?: string }, stored: readonly { readonly type: string }[]): number {
  return shapes.erasedBy === undefined ? 0 : stored.filter(({ type }) => type === shapes.erasedBy).length;
}

/**
 * The events of one stream (all of them, in order) as rules and projections know them: secrets open with the key of the last
 * generation, older generations closed whatever a vault still holds, shapes upcast. Throws a plain Error on an event of a newer
 * shape than this build knows and on a value that does not open.
 */
export async function openStream<Event extends DomainEvent, Metadata extends ProjectedMetadata = EventMetadata>(
  aggregate: Shapes<Event>,
  stored: readonly CodedEvent<Metadata>[],
  findKey: (owner: string) => Promise<Buffer | undefined>,
): Promise<readonly RecordedEvent<Event, Metadata>[]> {
  const [first] = stored;
  if (first === undefined) return [];
  const key = aggregate.sealed ? await findKey(keyOwner(first.stream, generationOf(aggregate, stored))) : undefined;
  return openEvents(aggregate, stored, key);
}

/** `openStream` with the key of the last generation at hand, if there is one. */
export function openEvents<Event extends DomainEvent, Metadata extends ProjectedMetadata = EventMetadata>(
  aggregate: Shapes<Event>,
  stored: readonly CodedEvent<Metadata>[],
  key: Buffer | undefined,
): readonly RecordedEvent<Event, Metadata>[] {
  const last = generationOf(aggregate, stored);
  let generation = 0;
  return stored.map((event) => {
    const opened = openEvent<Event, Metadata>(aggregate, event, generation === last ? key : undefined);
    if (event.type === aggregate.erasedBy) generation += 1;
    return opened;
  });
}

/** An event that a core of a later version wrote while this one is still there (ADR 35). No outage: what waits for it here waits for ever. */
export class UnknownEvent extends Error {
  override readonly name = 'UnknownEvent';

  constructor(type: string, schemaVersion: number) {
    super(`this build does not know ${type} version ${schemaVersion}`);
  }
}

/** One event, opened with its key (none: what it sealed is erased) and upcast to the present shape. */
export function openEvent<Event extends DomainEvent, Metadata extends ProjectedMetadata = EventMetadata>(
  { eventVersions, upcasters }: Shapes<Event>,
  stored: CodedEvent<Metadata>,
  key: Buffer | undefined,
): RecordedEvent<Event, Metadata> {
  const { id, stream, version, type, schemaVersion, metadata } = stored;
  const data = openSecrets(stored.data, key, `${stream}|${id}`) as Readonly<Record<string, unknown>>;
  const known = (eventVersions as Readonly<Record<string, number>>)[type];
  if (known === undefined || schemaVersion > known) throw new UnknownEvent(type, schemaVersion);
  const chain = (upcasters as Readonly<Record<string, Readonly<Record<number, Upcaster>>>> | undefined)?.[type] ?? {};
  let present = data;
  for (let from = schemaVersion; from < known; from += 1) {
    const upcast = chain[from];
    if (upcast === undefined) throw new Error(`no upcaster for ${type} from version ${from}`);
    present = upcast(present, metadata);
  }
  const event = { type, data: present } as unknown as Event;
  return { event, id, aggregateId: streamParts(stream).id, version, metadata };
}
