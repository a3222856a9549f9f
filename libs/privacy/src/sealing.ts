import { isAscii } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { keyObjectOf } from './key-objects.js';
import { freshNonce, NONCE_BYTES } from './nonces.js';
import { Scratch } from './scratch.js';

/** What JSON can carry. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined };

const VERSION = 1;
const KEY_BYTES = 32;
/** 128-bit tags; random nonces allow 2^32 seals a key (NIST SP 800-38D, section 8.3). */
const TAG_BYTES = 16;
const OVERHEAD = 1 + NONCE_BYTES + TAG_BYTES;
/** Plaintexts are filled up with spaces, which JSON ignores, so that the length of a sealed number tells nothing of it. */
const BLOCK = 32;
const CIPHER = 'aes-256-gcm';
const GCM = { authTagLength: TAG_BYTES };
const SEALED_HEADER = headerOf(Buffer.of(VERSION));
const SEALED = new Scratch();
const SEALED_PART = (start: number, end: number): Buffer => SEALED.view(start, end);
const PLACE = new Scratch();

/** A fresh 256-bit data key. */
export function newDataKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/**
 * Seals a JSON value with AES-256-GCM: base64url of version, nonce, ciphertext, tag. `place` (stream, event, field) is associated data:
 * the value opens there and nowhere else. Throws a TypeError on what JSON cannot carry and a RangeError on a key of another length.
 */
export function seal(key: Buffer, value: JsonValue, place: string): string {
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new TypeError('only a JSON value can be sealed');
  const length = Buffer.byteLength(json, 'utf8');
  const padded = Buffer.from(json + ' '.repeat(Math.ceil(length / BLOCK) * BLOCK - length), 'utf8');
  return encrypt(key, padded, SEALED_HEADER, place).toString('base64url');
}

/**
 * Opens what `seal` made with the same key for the same place. Throws a plain Error, which says nothing of the content, when it does
 * not open: another key, another place, a changed byte.
 */
export function open(key: Buffer, sealed: string, place: string): JsonValue {
  const length = SEALED.write(sealed, 'base64url');
  const bytes = length === undefined ? Buffer.from(sealed, 'base64url') : SEALED.view(0, length);
  if (bytes.length < OVERHEAD || bytes[0] !== VERSION) throw new Error('the sealed value has an unknown form');
  const part = length === undefined ? (start: number, end: number) => bytes.subarray(start, end) : SEALED_PART;
  const text = decrypt(key, bytes, SEALED_HEADER, place, 'the sealed value does not open', part).toString();
  return JSON.parse(text) as JsonValue;
}

/** Wraps data keys with a key-encryption key. The owner of a key is bound to it: wrapped for one, it does not unwrap for another. */
export interface KeyWrapper {
  /** The id of the key-encryption key that new wrappings carry. */
  readonly kekId: string;
  wrap(dataKey: Buffer, keyOwnerId: string): Buffer;
  /** Throws a plain Error when the bytes were wrapped for another owner or with another key-encryption key. */
  unwrap(wrapped: Uint8Array, keyOwnerId: string): Buffer;
  /** Looks anew which key-encryption key is the current one. */
  refresh(): void;
}

/**
 * The id of a key-encryption key: 16 hexadecimal digits of its SHA-256 under a prefix. It tells keys apart and nothing of a key:
 * 32 random bytes cannot be guessed.
 */
export function kekIdOf(kek: Buffer): string {
  return createHash('sha256').update('palisade key-encryption key|').update(kek).digest('hex').slice(0, 16);
}

/**
 * A wrapper whose key-encryption key (32 bytes) is in memory. Wrapped form: version, length of the key id, key id, nonce, ciphertext, tag.
 * Throws a RangeError on a key of another length or an id of 0 or more than 255 bytes.
 */
export function localKeyWrapper(kek: Buffer, kekId: string): KeyWrapper {
  const id = Buffer.from(kekId, 'utf8');
  if (kek.length !== KEY_BYTES) throw new RangeError('a key-encryption key has 32 bytes');
  if (id.length === 0 || id.length > 255) throw new RangeError('the id of a key-encryption key has 1 to 255 bytes');
  const header = headerOf(Buffer.concat([Buffer.of(VERSION, id.length), id]));
  return {
    kekId,
    wrap(dataKey, keyOwnerId) {
      if (dataKey.length !== KEY_BYTES) throw new RangeError('a data key has 32 bytes');
      return encrypt(kek, dataKey, header, keyOwnerId);
    },
    unwrap(wrapped, keyOwnerId) {
      if (wrappedWith(wrapped) !== kekId) throw new Error('the data key was wrapped with another key-encryption key');
      const bytes = asBuffer(wrapped);
      const part = SEALED.copy(bytes) ? SEALED_PART : undefined;
      return decrypt(kek, bytes, header, keyOwnerId, 'the data key does not unwrap', part);
    },
    refresh: () => undefined,
  };
}

/** The id of the key-encryption key that a wrapped key needs; rotation looks for the old ones by it. Throws on an unknown form. */
export function wrappedWith(wrapped: Uint8Array): string {
  const idLength = wrapped[1] ?? 0;
  if (wrapped[0] !== VERSION || idLength === 0 || wrapped.length !== 1 + idLength + OVERHEAD + KEY_BYTES) {
    throw new Error('the wrapped key has an unknown form');
  }
  return asBuffer(wrapped).toString('utf8', 2, 2 + idLength);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What a sealed form begins with. `text` is the same where it is all ASCII, as nearly always. */
interface Header {
  readonly bytes: Buffer;
  readonly text: string | undefined;
}

function headerOf(bytes: Buffer): Header {
  return { bytes, text: isAscii(bytes) ? bytes.toString('latin1') : undefined };
}

/** Associated data is the header and the place; the header's length is in the header, so the two cannot run into each other. */
function encrypt(key: Buffer, text: Buffer, header: Header, place: string): Buffer {
  requireKey(key);
  const nonce = freshNonce();
  const cipher = createCipheriv(CIPHER, keyObjectOf(key), nonce, GCM);
  cipher.setAAD(associatedData(header, place));
  const body = cipher.update(text);
  cipher.final();
  const bodyStart = header.bytes.length + NONCE_BYTES;
  const sealed = Buffer.allocUnsafe(bodyStart + body.length + TAG_BYTES);
  sealed.set(header.bytes, 0);
  sealed.set(nonce, header.bytes.length);
  sealed.set(body, bodyStart);
  sealed.set(cipher.getAuthTag(), sealed.length - TAG_BYTES);
  return sealed;
}

function decrypt(
  key: Buffer,
  bytes: Buffer,
  header: Header,
  place: string,
  failure: string,
  part: (start: number, end: number) => Buffer = (start, end) => bytes.subarray(start, end),
): Buffer {
  requireKey(key);
  const bodyStart = header.bytes.length + NONCE_BYTES;
  const tagStart = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, keyObjectOf(key), part(header.bytes.length, bodyStart), GCM);
  decipher.setAAD(associatedData(header, place));
  decipher.setAuthTag(part(tagStart, bytes.length));
  try {
    // GCM is a stream cipher: all of the text comes at once, and the end is the check of the tag.
    const text = decipher.update(part(bodyStart, tagStart));
    decipher.final();
    return text;
  } catch {
    throw new Error(failure);
  }
}

function associatedData(header: Header, place: string): Buffer {
  // Joined as text it takes half the time.
  if (header.text === undefined) return Buffer.concat([header.bytes, Buffer.from(place)]);
  const text = header.text + place;
  const length = PLACE.write(text, 'utf8');
  return length === undefined ? Buffer.from(text) : PLACE.view(0, length);
}

function requireKey(key: Buffer): void {
  if (key.length !== KEY_BYTES) throw new RangeError('a key has 32 bytes');
}
