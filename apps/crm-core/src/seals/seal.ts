import { createHash, hash } from 'node:crypto';

export const HASH_BYTES = 32;
/** What stands for the head before the first seal. */
export const NO_HEAD = Buffer.alloc(HASH_BYTES);

/** What a head is made of. `events` are those of this seal, `total` those of this and all seals before. */
export interface HeadParts {
  readonly number: number;
  readonly previousHead: Buffer;
  readonly root: Buffer;
  readonly events: number;
  readonly total: number;
  /** ISO 8601 UTC, milliseconds. */
  readonly sealedAt: string;
}

/** A link of the chain, signed. */
export interface SignedHead extends HeadParts {
  readonly head: Buffer;
  /** Ed25519 (RFC 8032) over the 32 bytes of the head. */
  readonly signature: Buffer;
  readonly keyId: string;
}

/**
 * The root of a batch: SHA-256 of `palisade-root-1` and, in order, the 16 bytes of each event's id and the 32 of its hash. A flat list:
 * verifying recomputes all of it anyway, and nobody is to be shown one event without the others (docs/adr/0011).
 */
export function rootOf(ids: readonly string[], hashes: Buffer): Buffer {
  const root = createHash('sha256').update('palisade-root-1');
  for (const [index, id] of ids.entries()) {
    root.update(Buffer.from(id.replaceAll('-', ''), 'hex'));
    root.update(hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES));
  }
  return root.digest();
}

/** SHA-256 of the JSON `["palisade-seal-1", number, previousHead, root, events, total, sealedAt]`, hashes in hexadecimal. */
export function headOf({ number, previousHead, root, events, total, sealedAt }: HeadParts): Buffer {
  const parts = ['palisade-seal-1', number, previousHead.toString('hex'), root.toString('hex'), events, total, sealedAt];
  return hash('sha256', JSON.stringify(parts), 'buffer');
}
