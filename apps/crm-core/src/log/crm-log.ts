import { randomUUIDv7 } from 'node:crypto';
import { fold, type DomainEvent } from '#kernel';
import {
  EventStore,
  exactly,
  type CommandRecord,
  type EventMetadata,
  type NewEvent,
  type Statement,
  type StreamAppend,
} from '#event-store';
import { Batches } from '#platform';
import { blindIndex, sealSecrets } from '#privacy';
import { keyOwner, streamOf, type Aggregate, type AnyAggregate, type RecordedEvent } from './aggregate.js';
import type { DataKeys } from './data-keys.js';
import { generationOf, openStream } from './event-codec.js';
import { projectionOf, projectionTools } from './projection.js';
import { mayShare, statementsOf } from './row-change.js';

/** An aggregate as it is now. `version` 0: nothing happened yet. `generation`: how often its key was destroyed. */
export interface Loaded<State> {
  readonly state: State;
  readonly version: number;
  readonly generation: number;
}

/** An aggregate with all that happened to it, oldest first. */
export interface History<State, Event extends DomainEvent> extends Loaded<State> {
  readonly events: readonly RecordedEvent<Event>[];
}

/** New events of one stream, decided on `version`. */
export interface StreamChange<State, Command, Event extends DomainEvent> {
  readonly aggregate: Aggregate<State, Command, Event>;
  readonly id: string;
  readonly version: number;
  /** Of the key that seals them, as loaded; 0 for a stream that was never erased. */
  readonly generation?: number;
  readonly events: readonly Event[];
}
export type AnyStreamChange = StreamChange<never, never, never>;

/** Forgets the types of one change so that changes of several kinds go into one append. */
export function streamChange<State, Command, Event extends DomainEvent>(
  change: StreamChange<State, Command, Event>,
): AnyStreamChange {
  return change as unknown as AnyStreamChange;
}

export interface AppendOptions {
  readonly metadata: EventMetadata;
  readonly command?: CommandRecord;
  readonly locks?: readonly string[];
  /** Run under the locks and before the projections: they raise when what the plan assumed no longer holds. */
  readonly guards?: readonly Statement[];
  /** Run after the projections. */
  readonly statements?: readonly Statement[];
}

/** SQLSTATE of the vault: the key-encryption key of a new data key is out of use. */
const RETIRED_KEK = 'PA070';
/** Tries of one append. A try is in vain only when a rotation began since the keys were read: so many would have to follow each other. */
const APPEND_TRIES = 10;

/** The log as core uses it: opens secrets on the way out, seals them on the way in, projects in the transaction of the append. */
export class CrmLog {
  private readonly listeners = new Set<() => void>();
  /** Looks for outcomes that are asked for at the same time. */
  private readonly outcomes: Batches<string, { readonly found: CommandRecord | undefined }>;

  constructor(
    private readonly store: EventStore,
    private readonly keys: DataKeys,
    private readonly lookupKey: Buffer,
  ) {
    const together = async (ids: readonly string[]): Promise<readonly { found: CommandRecord | undefined }[]> =>
      (await store.findCommands(ids)).map((found) => ({ found }));
    this.outcomes = new Batches({ alone: async (id) => ({ found: await store.findCommand(id) }), together, atOnce: 1 });
  }

  /** The value that exact lookup compares: HMAC of the canonical form, 32 bytes. */
  lookupValue(kind: 'phone' | 'email', canonical: string): Buffer {
    return blindIndex(this.lookupKey, kind, canonical);
  }

  /** Calls back after each append of this process: the relay need not wait for its next look. */
  onAppended(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** The outcome of a command carried out before, with the MAC of its body. */
  async findCommand(id: string): Promise<CommandRecord | undefined> {
    return (await this.outcomes.ask(id)).found;
  }

  /** Remembers a command that changed nothing. Throws as `EventStore.recordCommand`. */
  recordCommand(command: CommandRecord): Promise<void> {
    return this.store.recordCommand(command);
  }

  /** Those of the ids whose aggregate has events. */
  async existing(aggregate: { readonly category: string }, ids: readonly string[]): Promise<readonly string[]> {
    const found = await this.store.existing(ids.map((id) => streamOf(aggregate, id)));
    return ids.filter((id) => found.has(streamOf(aggregate, id)));
  }

  /** The aggregate as it is now. Throws a plain Error on what this build cannot read. */
  async load<State, Command, Event extends DomainEvent>(
    aggregate: Aggregate<State, Command, Event>,
    id: string,
  ): Promise<Loaded<State>> {
    const { state, version, generation } = await this.history(aggregate, id);
    return { state, version, generation };
  }

  /** The aggregate and all its events. Throws as `load`. */
  async history<State, Command, Event extends DomainEvent>(
    aggregate: Aggregate<State, Command, Event>,
    id: string,
  ): Promise<History<State, Event>> {
    const stored = await this.store.readStream(streamOf(aggregate, id));
    const events = await openStream(aggregate, stored, (owner) => this.keys.find(owner));
    const state = fold(
      aggregate,
      events.map(({ event }) => event),
    );
    return { state, version: stored.length, generation: generationOf(aggregate, stored), events };
  }

  /** Appends every change or none, with projections. Throws as `EventStore.append` does. */
  append(changes: readonly AnyStreamChange[], { metadata, ...options }: AppendOptions): Promise<void> {
    return this.appendEach(
      changes.map((change) => ({ change, metadata })),
      options,
    );
  }

  /** `append` for changes that go back to different acts, each with metadata of its own. */
  async appendEach(
    changes: readonly { readonly change: AnyStreamChange; readonly metadata: EventMetadata }[],
    options: Omit<AppendOptions, 'metadata'>,
  ): Promise<void> {
    for (let left = APPEND_TRIES - 1; ; left -= 1) {
      try {
        await this.appendOnce(changes, options);
        break;
      } catch (error) {
        if ((error as { code?: unknown } | null)?.code !== RETIRED_KEK || left === 0) throw error;
        // A rotation began: the new data keys of this append are wrapped anew, and it runs once more.
        this.keys.refresh();
      }
    }
    for (const listener of this.listeners) listener();
  }

  private async appendOnce(
    changes: readonly { readonly change: AnyStreamChange; readonly metadata: EventMetadata }[],
    options: Omit<AppendOptions, 'metadata'>,
  ): Promise<void> {
    const streams: StreamAppend[] = [];
    const statements: Statement[] = [];
    const { guards = [], statements: further = [], locks = [] } = options;
    // What guards and further statements wait for is not known here.
    let isShared = guards.length + further.length + locks.length === 0;
    for (const { change, metadata } of changes) {
      const prepared = await this.prepare(change, metadata);
      streams.push(prepared.append);
      statements.push(...prepared.statements);
      isShared &&= prepared.mayShare;
    }
    await this.store.append({
      streams,
      statements: [...guards, ...statements, ...further],
      locks,
      mayShare: isShared,
      ...(options.command === undefined ? {} : { command: options.command }),
    });
    for (const { change } of changes) {
      const { erasedBy } = change.aggregate as unknown as AnyAggregate;
      const isErased = (change.events as readonly DomainEvent[]).some(({ type }) => type === erasedBy);
      if (isErased) this.forget(streamOf(change.aggregate, change.id));
    }
  }

  /** The keys of a stream were destroyed, here or by another core: nothing of them stays in memory. */
  forget(stream: string): void {
    this.keys.forget(stream);
  }

  private async prepare(
    { aggregate, id, version, generation = 0, events }: AnyStreamChange,
    metadata: EventMetadata,
  ): Promise<{ append: StreamAppend; statements: readonly Statement[]; mayShare: boolean }> {
    const typed = aggregate as unknown as AnyAggregate;
    const stream = streamOf(typed, id);
    const needsKey = typed.sealed && (events as readonly DomainEvent[]).some(({ type }) => type !== typed.erasedBy);
    const owned = needsKey ? await this.keyFor(stream, version, generation) : undefined;
    const tools = projectionTools(this.lookupKey, stream, owned?.key);
    const recorded = (events as readonly DomainEvent[]).map((event, index): RecordedEvent => {
      return { event, id: randomUUIDv7(), aggregateId: id, version: version + index + 1, metadata };
    });
    const rows = recorded.flatMap((event) => projectionOf(typed, event, tools));
    return {
      append: {
        stream,
        expected: exactly(version),
        events: recorded.map(({ event, id: eventId }): NewEvent => {
          const schemaVersion = typed.eventVersions[event.type];
          if (schemaVersion === undefined) throw new Error(`no schema version for event type ${event.type}`);
          const data = sealSecrets(event.data, owned?.key, `${stream}|${eventId}`);
          return { id: eventId, type: event.type, schemaVersion, data, metadata };
        }),
      },
      statements: [...(owned?.statements ?? []), ...rows.flatMap(statementsOf)],
      mayShare: rows.every(mayShare),
    };
  }

  private async keyFor(stream: string, version: number, generation: number) {
    const owner = keyOwner(stream, generation);
    if (version === 0) return this.keys.create(owner);
    const key = await this.keys.find(owner);
    if (key !== undefined) return { key, statements: [] };
    // A stream whose key was destroyed goes on with a fresh one.
    if (generation > 0) return this.keys.create(owner);
    throw new Error('the key of this stream was destroyed');
  }
}
