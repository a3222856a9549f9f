/** What a stream must be for an append to hold: words, never a bare null. */
export type ExpectedVersion =
  { readonly kind: 'no-stream' } | { readonly kind: 'any' } | { readonly kind: 'exactly'; readonly version: number };

export const NO_STREAM: ExpectedVersion = { kind: 'no-stream' };
export const ANY_VERSION: ExpectedVersion = { kind: 'any' };
/** The stream is at exactly this version; 0 is the same as no stream. */
export const exactly = (version: number): ExpectedVersion => ({ kind: 'exactly', version });

/** As a number for the database; null for any version. */
export function expectedNumber(expected: ExpectedVersion): number | null {
  switch (expected.kind) {
    case 'any':
      return null;
    case 'no-stream':
      return 0;
    case 'exactly':
      return expected.version;
  }
}

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
  /** The same in a form that several share; without it each goes by itself. */
  readonly shared?: RowsStatement;
}

/** A statement over rows, each column an array: rows of one text are one statement, whoever they are from. */
export interface RowsStatement {
  readonly name?: string;
  readonly text: string;
  readonly rows: readonly (readonly unknown[])[];
}

/** The record of a command that was carried out: enough to answer a repeat, and no body. */
export interface CommandRecord {
  readonly id: string;
  /** HMAC of the body, hexadecimal. */
  readonly mac: string;
  readonly outcome: unknown;
}

export interface AppendRequest {
  readonly streams: readonly StreamAppend[];
  /** Further things that must not change meanwhile (a blind-index value, say); locked together with the streams, sorted. */
  readonly locks?: readonly string[];
  readonly command?: CommandRecord;
  readonly statements?: readonly Statement[];
  /**
   * True where it may share a transaction with appends to other streams: it locks nothing beside, and its statements touch rows of its own
   * streams only, so that none waits for another's. Its promises stay its own: it holds or not, whatever becomes of the rest.
   */
  readonly mayShare?: boolean;
}
