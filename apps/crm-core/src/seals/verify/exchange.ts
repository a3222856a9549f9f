import type { ClientBase } from 'pg';
import { encodingOf, EVENT_TEXTS_SQL, eventHash, type EventTexts } from '../event-hash.js';
import { isSame, type Difference, type LoggedEvent, type SealedEvent } from './comparison.js';

/** Events that are tried at once. */
const MOST_CANDIDATES = 5_000;

/** An event that is not near its place may be far from it, or gone. */
export async function elsewhere(
  client: ClientBase,
  difference: Difference,
  logged: LoggedEvent | undefined,
): Promise<Difference> {
  const { kind, sealed } = difference;
  if (kind !== 'missing' || sealed.id === null || logged === undefined) return difference;
  const [moved] = await eventsWhere(client, 'e.id = ANY($1)', [sealed.id]);
  return moved === undefined ? difference : { kind: 'out-of-order', sealed, logged, moved };
}

/** The event that has the place of the one that differs, looked for near it and in its stream. */
export async function exchanged(
  client: ClientBase,
  difference: Difference,
  ahead: readonly LoggedEvent[],
): Promise<LoggedEvent | undefined> {
  const { kind, sealed } = difference;
  if (kind !== 'changed' && kind !== 'out-of-order') return undefined;
  const differing = kind === 'changed' ? difference.logged : difference.moved;
  if (isSame(sealed, differing)) return undefined;
  const near = await eventsWhere(client, 'e.id = ANY($1)', [differing.id, ...ahead.map(({ id }) => id)]);
  const one = near.find(({ id }) => id === differing.id);
  if (one === undefined) return undefined;
  const ofStream = await eventsWhere(client, 'e.stream = ANY($1)', [one.stream]);
  return [...near, ...ofStream].find((other) => isExchanged(sealed, one, other));
}

type Candidate = LoggedEvent & { readonly texts: EventTexts };

/** True when the event is what was sealed once it has the place or the content of the other. */
function isExchanged(sealed: SealedEvent, { texts }: Candidate, other: Candidate): boolean {
  const [seq, id, stream, version, type, schemaVersion, data, metadata] = texts;
  const [otherSeq, otherId, otherStream, otherVersion, , , otherData, otherMetadata] = other.texts;
  const guesses: EventTexts[] = [
    [otherSeq, id, otherStream, otherVersion, type, schemaVersion, data, metadata],
    [otherSeq, id, stream, version, type, schemaVersion, data, metadata],
    [seq, id, stream, otherVersion, type, schemaVersion, data, metadata],
    [seq, id, stream, version, type, schemaVersion, otherData, metadata],
    [seq, id, stream, version, type, schemaVersion, otherData, otherMetadata],
  ];
  return otherId !== id && guesses.some((guess) => isSame(sealed, { hash: eventHash(encodingOf(guess)) }));
}

async function eventsWhere(
  client: ClientBase,
  condition: 'e.id = ANY($1)' | 'e.stream = ANY($1)',
  values: readonly string[],
): Promise<readonly Candidate[]> {
  const text = `SELECT ${EVENT_TEXTS_SQL} FROM es.events AS e WHERE ${condition} ORDER BY e.tx_id, e.seq LIMIT ${MOST_CANDIDATES}`;
  const { rows } = await client.query<[...EventTexts]>({ text, values: [values], rowMode: 'array' });
  return rows.map((texts) => {
    const [seq, id, stream, version] = texts;
    return { seq, id, stream, version, hash: eventHash(encodingOf(texts)), texts };
  });
}
