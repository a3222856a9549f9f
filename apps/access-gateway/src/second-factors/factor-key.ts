import { createHmac, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secret } from '#kernel';
import { open, seal } from '#privacy';

const KEY_BYTES = 32;
const KEY_FILE = 'factor-key';

/**
 * The key of the gateways under which second factors are kept. It is not in the database: whoever has a copy of that can neither
 * make codes nor try recovery codes.
 */
export class FactorKey {
  readonly #sealing: Buffer;
  readonly #hashing: Buffer;

  /** Throws a RangeError on a key that has not 32 bytes. */
  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES) throw new RangeError('the factor key must be 32 bytes in base64');
    this.#sealing = derived(key, 'totp-secret');
    this.#hashing = derived(key, 'recovery-code');
  }

  /** A TOTP secret, to be opened for this person only. */
  seal(userId: string, secret: string): string {
    return seal(this.#sealing, secret, `second-factor|${userId}`);
  }

  /** Throws an Error, which says nothing of the content, for another person or under another key. */
  open(userId: string, sealed: string): string {
    return String(open(this.#sealing, sealed, `second-factor|${userId}`));
  }

  /** What is kept of a recovery code. */
  hashOf(userId: string, recoveryCode: string): Buffer {
    return createHmac('sha256', this.#hashing).update(`${userId}|${recoveryCode}`).digest();
  }
}

/**
 * The key of the gateways given from outside (base64 of 32 bytes), or that of the file `factor-key` (0600) of the folder, made at first
 * use. Each purpose derives its own key of it.
 */
export async function gatewayKey(given: Secret<string> | undefined, keyDir: string): Promise<Buffer> {
  return Buffer.from(given === undefined ? await keyFile(keyDir) : given.expose(), 'base64');
}

/** Of several gateways that start at once one makes the file, whole from its first moment; the others read it. */
async function keyFile(keyDir: string): Promise<string> {
  await mkdir(keyDir, { recursive: true, mode: 0o700 });
  const path = join(keyDir, KEY_FILE);
  const found = await readFile(path, 'utf8').catch(unlessMissing);
  if (found !== undefined) return found;
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, randomBytes(KEY_BYTES).toString('base64'), { flag: 'wx', mode: 0o600, flush: true });
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(path, 'utf8');
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function derived(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `palisade second factor ${purpose}`, KEY_BYTES));
}
