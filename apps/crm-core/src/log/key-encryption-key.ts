import type { Secret } from '#kernel';
import { KEY_BYTES, KeyFolder } from './key-folder.js';
import { KeyRing, type KeyEncryptionKeys } from './key-ring.js';

/** Where the key-encryption key comes from: from outside (base64 of 32 bytes, also the one before it), or from a folder. */
export interface KeyOrigin {
  readonly kek?: Secret<string> | undefined;
  readonly kekPrevious?: Secret<string> | undefined;
  readonly keyDir: string;
}

/**
 * The wrapper of data keys: by the keys given from outside, or by the key file of the key folder, made at the first start. Throws an
 * Error, without the key, when one has another length.
 */
export function keyWrapper({ kek, kekPrevious, keyDir }: KeyOrigin): KeyRing {
  if (kek !== undefined) {
    const keys: KeyEncryptionKeys = {
      current: given(kek, 'PALISADE_KEK'),
      ...(kekPrevious === undefined ? {} : { previous: given(kekPrevious, 'PALISADE_KEK_PREVIOUS') }),
    };
    return new KeyRing(() => keys);
  }
  const folder = new KeyFolder(keyDir);
  folder.ensure();
  return new KeyRing(() => folder.read());
}

function given(secret: Secret<string>, name: string): Buffer {
  const key = Buffer.from(secret.expose(), 'base64');
  if (key.length !== KEY_BYTES) throw new Error(`${name} must be ${KEY_BYTES} bytes in base64`);
  return key;
}
