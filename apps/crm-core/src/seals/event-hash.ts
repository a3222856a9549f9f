import { hash } from 'node:crypto';

/**
 * What of an event is sealed, as one text: the JSON array of the word `palisade-event-1` and the event's seq, id, stream, version, type,
 * schema version, data and metadata. It is unambiguous because it is JSON, and the same every time because jsonb's text is. `tx_id` is
 * left out: it means something in one cluster only, and a log restored into another must still verify.
 */
export const EVENT_ENCODING_SQL = `concat('["palisade-event-1",', e.seq, ',"', e.id, '",', to_json(e.stream), ',', e.version, ',',
  to_json(e.type), ',', e.schema_version, ',', e.data, ',', e.metadata, ']')`;

/** The columns of an event, each as PostgreSQL's text of it. */
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
export const EVENT_TEXTS_SQL =
  'e.seq::text, e.id::text, e.stream, e.version::text, e.type, e.schema_version::text, e.data::text, e.metadata::text';

/** The encoding of `EVENT_ENCODING_SQL`, made here: for what an event would be with other values. */
export function encodingOf([seq, id, stream, version, type, schemaVersion, data, metadata]: EventTexts): string {
  const [quotedStream, quotedType] = [JSON.stringify(stream), JSON.stringify(type)];
  return `["palisade-event-1",${seq},"${id}",${quotedStream},${version},${quotedType},${schemaVersion},${data},${metadata}]`;
}

/** SHA-256 (32 bytes) of an event's encoding. Computed here, not by the database that is in question. */
export function eventHash(encoding: string): Buffer {
  return hash('sha256', encoding, 'buffer');
}

/** Where an event stands, read from its encoding. */
export function placeOf(encoding: string): {
  readonly seq: string;
  readonly id: string;
  readonly stream: string;
  readonly version: string;
} {
  const [, seq, id, stream, version] = JSON.parse(encoding) as [string, number, string, string, number];
  return { seq: String(seq), id, stream, version: String(version) };
}
