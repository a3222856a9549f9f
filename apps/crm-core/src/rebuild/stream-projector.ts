import type { ClientBase } from 'pg';
import type { KeyWrapper } from '#privacy';
import { AGGREGATES } from '../aggregates.js';
import { keyOwner, streamParts, type AnyAggregate } from '../log/aggregate.js';
import { generationOf, openEvents } from '../log/event-codec.js';
import { projectionOf, projectionTools } from '../log/projection.js';
import { foldChanges, type FoldedStream } from './stream-fold.js';
import { withoutReplaced } from './replaced-fields.js';
import type { WholeStream } from './stream-reader.js';

/** Keys that open the log. */
export interface LogKeys {
  readonly wrapper: KeyWrapper;
  /** HMAC key of exact lookup. */
  readonly lookup: Buffer;
}

/**
 * Projects whole streams anew, as the appends of their events did one by one. Data keys are read by `client` in one statement,
 * under the snapshot of its transaction. Each stream is projected when it is asked for, so that what came of it can be written and
 * forgotten before the next. Throws a plain Error on what this build cannot read.
 */
export async function projectStreams(
  client: ClientBase,
  keys: LogKeys,
  streams: readonly WholeStream[],
): Promise<Iterable<FoldedStream>> {
  const planned = streams.map((events): Planned => {
    const { stream } = events[0];
    const aggregate = AGGREGATES.get(streamParts(stream).category);
    if (aggregate === undefined) throw new Error('this build does not know a kind of stream that the log holds');
    const owner = aggregate.sealed ? keyOwner(stream, generationOf(aggregate, events)) : undefined;
    return { stream, events, aggregate, owner };
  });
  const wrapped = await wrappedKeys(
    client,
    planned.flatMap(({ owner }) => owner ?? []),
  );
  return projectEach(planned, wrapped, keys);
}

interface Planned {
  readonly stream: string;
  readonly events: WholeStream;
  readonly aggregate: AnyAggregate;
  /** Whose data key opens it; none has no secrets. */
  readonly owner: string | undefined;
}

function* projectEach(
  planned: readonly Planned[],
  wrapped: ReadonlyMap<string, Buffer>,
  { wrapper, lookup }: LogKeys,
): Generator<FoldedStream> {
  for (const { stream, events, aggregate, owner } of planned) {
    const found = owner === undefined ? undefined : wrapped.get(owner);
    try {
      const key = owner === undefined || found === undefined ? undefined : wrapper.unwrap(found, owner);
      yield projectStream(stream, events, aggregate, key, lookup);
    } catch (error) {
      throw unreadable(stream, error);
    }
  }
}

function projectStream(
  stream: string,
  events: WholeStream,
  aggregate: AnyAggregate,
  key: Buffer | undefined,
  lookupKey: Buffer,
): FoldedStream {
  const recorded = openEvents(aggregate, withoutReplaced(aggregate, events), key);
  const tools = projectionTools(lookupKey, stream, key);
  return foldChanges(
    stream,
    recorded.flatMap((event) => projectionOf(aggregate, event, tools)),
  );
}

/** Of a list of owners: what the vault holds. */
export async function wrappedKeys(client: ClientBase, owners: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
  if (owners.length === 0) return new Map();
  const { rows } = await client.query<{ owner: string; wrapped: Buffer }>({
    name: 'rebuild-keys',
    text: 'SELECT owner, wrapped FROM vault.keys WHERE owner = ANY($1::text[])',
    values: [owners],
  });
  return new Map(rows.map(({ owner, wrapped }) => [owner, wrapped]));
}

/** By its name it can be looked for; what is in it is not told: a parser's own error quotes its input. */
function unreadable(stream: string, error: unknown): Error {
  if (!(error instanceof Error) || error instanceof SyntaxError) return new Error(`the stream ${stream} cannot be read: no JSON`);
  return new Error(`the stream ${stream} cannot be read: ${error.message}`, { cause: error });
}
