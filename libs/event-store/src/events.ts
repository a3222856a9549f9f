/** What a stream must be for an append to hold: words, never a bare null. */
export type ExpectedVersion =
  { readonly kind: 'no-stream' } | { readonly kind: 'any' } | { readonly kind: 'exactly'; readonly version: number };

export const NO_STREAM: ExpectedVersion = { kind: 'no-stream' };
export const ANY_VERSION: ExpectedVersion = { kind: 'any' };
/** The stream is at exactly this version; 0 is the same as no stream. */
export const exactly = (version: number): ExpectedVersion => ({ kind: 'exactly', version });

/** Who and what an event goes back to. Ids, an address and a time; nothing of a customer. */
export interface EventMetadata {
  readonly actorId: string | null;
  readonly sessionId: string | null;
  readonly tokenId: string | null;
  readonly ip: string | null;
  readonly commandId: string;
  readonly correlationId: string;
  readonly causationId: string | null;
  /** ISO 8601 UTC, from the command. */
  readonly at: string;
}

/** An event on its way into the log. `data` is sealed already: plain JSON. */
export interface NewEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
  readonly metadata: EventMetadata;
}

/** An event as the log holds it. */
export interface StoredEvent extends NewEvent {
  readonly seq: number;
  /** Decimal text of the xid8 of its transaction. */
  readonly txId: string;
  readonly stream: string;
  readonly version: number;
}

export interface StreamAppend {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly NewEvent[];
}

/** A statement that runs in the transaction of the append: an inline projection, a key, a lookup entry. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Name of the prepared statement; only for a fixed text. */
  readonly name?: string;
}

/** The record of a command that was carried out: enough to answer a repeat, and no body. */
export interface CommandRecord {
  readonly id: string;
  /** HMAC of the body, hexadecimal. */
  readonly mac: string;
  readonly outcome: unknown;
}
