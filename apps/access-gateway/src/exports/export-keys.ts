import { createHmac, hkdfSync } from 'node:crypto';
import { kekIdOf, localKeyWrapper, newDataKey, open, seal, type JsonValue, type KeyWrapper } from '#privacy';

const KEY_BYTES = 32;

/** A data key of one export, and as it is kept. */
export interface ExportKey {
  readonly dataKey: Buffer;
  readonly wrapped: Buffer;
}

/**
 * What exports are sealed with: each has a data key of its own, wrapped under one that is derived from the gateways' key and is not
 * in the database. With the wrapped key gone the rows are gone, also from backups.
 */
export class ExportKeys {
  readonly #wrapper: KeyWrapper;
  readonly #hashing: Buffer;

  /** Throws a RangeError on a key that has not 32 bytes. */
  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES) throw new RangeError('the key of the gateways must be 32 bytes');
    const wrapping = derived(key, 'data-keys');
    this.#wrapper = localKeyWrapper(wrapping, kekIdOf(wrapping));
    this.#hashing = derived(key, 'requests');
  }

  newKey(exportId: string): ExportKey {
    const dataKey = newDataKey();
    return { dataKey, wrapped: this.#wrapper.wrap(dataKey, exportId) };
  }

  /** Throws an Error, which says nothing of the key, for another export or under another key of the gateways. */
  unwrap(exportId: string, wrapped: Uint8Array): Buffer {
    return this.#wrapper.unwrap(wrapped, exportId);
  }

  /** What is kept of a request, to know its repeat: a filter may hold a name. */
  hmacOf(userId: string, request: string): Buffer {
    return createHmac('sha256', this.#hashing).update(`${userId}|${request}`).digest();
  }
}

/** Rows of one part, to be opened for this export and this place of it only. */
export function sealPart(dataKey: Buffer, exportId: string, firstRow: number, rows: readonly JsonValue[]): string {
  return seal(dataKey, rows, placeOf(exportId, firstRow));
}

/** Throws an Error, which says nothing of the content, when it does not open. */
export function openPart(dataKey: Buffer, exportId: string, firstRow: number, sealed: string): readonly JsonValue[] {
  return open(dataKey, sealed, placeOf(exportId, firstRow)) as readonly JsonValue[];
}

function placeOf(exportId: string, firstRow: number): string {
  return `export|${exportId}|${firstRow}`;
}

function derived(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `palisade export ${purpose}`, KEY_BYTES));
}
