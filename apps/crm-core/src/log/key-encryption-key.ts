import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secret } from '#kernel';
import { localKeyWrapper, type KeyWrapper } from '#privacy';

const KEY_BYTES = 32;

/**
 * The wrapper of data keys: by the key given from outside (base64 of 32 bytes), or by the key file `kek` (0600) of the key folder,
 * made at the first start. Throws an Error, without the key, when it has another length.
 */
export async function keyWrapper(given: Secret<string> | undefined, keyDir: string): Promise<KeyWrapper> {
  const kek = given === undefined ? await keyFile(keyDir) : Buffer.from(given.expose(), 'base64');
  if (kek.length !== KEY_BYTES)
    throw new Error('the key-encryption key must be 32 bytes in base64; check PALISADE_KEK or the key file');
  return localKeyWrapper(kek, given === undefined ? 'file' : 'given');
}

async function keyFile(keyDir: string): Promise<Buffer> {
  await mkdir(keyDir, { recursive: true, mode: 0o700 });
  const path = join(keyDir, 'kek');
  try {
    // Of two cores that start at once one makes the file; the other reads it.
    await writeFile(path, randomBytes(KEY_BYTES).toString('base64'), { flag: 'wx', mode: 0o600, flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return Buffer.from(await readFile(path, 'utf8'), 'base64');
}
