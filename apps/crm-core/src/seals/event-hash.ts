import { hash } from 'node:crypto';

/** The columns of an event that are sealed, each as PostgreSQL's text of it: jsonb's text is canonical. */
export type EventTexts = readonly [
  seq: string,
  id: string,
  stream: string,
  version: string,
  type: string,
  schemaVersion: string,
  data: string,
  metadata: string,
];

/**
 * The select list of `EventTexts`. `tx_id` is left out: it means something in one cluster only, and a log restored into another must
 * still verify.
 */
export const EVENT_TEXTS_SQL =
  'e.seq::text, e.id::text, e.stream, e.version::text, e.type, e.schema_version::text, e.data::text, e.metadata::text';

/**
 * SHA-256 (32 bytes) of an event: the word `palisade-event-1`, then each text as `<bytes>:<text>` in the order of the tuple. The lengths
 * make it unambiguous: no two different events are the same bytes.
 */
export function eventHash(texts: EventTexts): Buffer {
  let encoded = 'palisade-event-1';
  for (const text of texts) encoded += `${Buffer.byteLength(text)}:${text}`;
  return hash('sha256', encoded, 'buffer');
}
