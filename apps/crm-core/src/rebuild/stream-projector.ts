import type { ClientBase } from 'pg';
import type { KeyWrapper } from '#privacy';
import { AGGREGATES } from '../aggregates.js';
import { keyOwner, streamParts, type AnyAggregate } from '../log/aggregate.js';
import { generationOf, openStream } from '../log/event-codec.js';
import { projectionOf, projectionTools } from '../log/projection.js';
import { foldChanges, type FoldedStream } from './stream-fold.js';
import type { WholeStream } from './stream-reader.js';

/** Keys that open the log. */
export interface LogKeys {
  readonly wrapper: KeyWrapper;
  /** HMAC key of exact lookup. */
  readonly lookup: Buffer;
}

/**
 * Projects whole streams anew, as the appends of their events did one by one. Data keys are read by `client` in one statement,
 * under the snapshot of its transaction. Throws a plain Error on what this build cannot read.
 */
export async function projectStreams(
  client: ClientBase,
  keys: LogKeys,
  streams: readonly WholeStream[],
): Promise<readonly FoldedStream[]> {
  const planned = streams.map((events) => {
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
  const folded: FoldedStream[] = [];
  for (const { stream, events, aggregate, owner } of planned) {
    const found = owner === undefined ? undefined : wrapped.get(owner);
    const key = owner === undefined || found === undefined ? undefined : keys.wrapper.unwrap(found, owner);
    folded.push(await projectStream(stream, events, aggregate, key, keys.lookup));
  }
  return folded;
}

async function projectStream(
  stream: string,
  events: WholeStream,
  aggregate: AnyAggregate,
  key: Buffer | undefined,
  lookupKey: Buffer,
): Promise<FoldedStream> {
  const recorded = await openStream(aggregate, events, () => Promise.resolve(key));
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
