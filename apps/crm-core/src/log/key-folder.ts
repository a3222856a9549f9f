import { randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { KeyEncryptionKeys } from './key-ring.js';

export const KEY_BYTES = 32;
/** Half-made files of a run that was cut short. */
const HALF_MADE = /^kek\.[0-9a-f-]{36}\.tmp$/;

/**
 * The key-encryption key in files (0600, base64) of one folder: `kek`, and while a rotation runs `kek.previous`. No file is ever
 * written over: each is made whole under another name, on disk, and then linked or renamed, so that at every moment a reader
 * finds all that he needs, and of two rotations that should not be there at once none destroys the other's key.
 */
export class KeyFolder {
  constructor(private readonly folder: string) {}

  /** The keys as they are now. Throws a plain Error, without the content, when `kek` is missing or a file holds no key. */
  read(): KeyEncryptionKeys {
    // First the current one: a rotation that begins in between leaves it as the previous.
    const current = this.#key('kek');
    const previous = this.#key('kek.previous');
    if (current === undefined) throw new Error('there is no key file "kek" in the key folder');
    return previous === undefined || previous.equals(current) ? { current } : { current, previous };
  }

  /** Makes the key of a first start; of several cores at once one makes it. */
  ensure(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    if (this.#key('kek') !== undefined) return;
    if (this.#key('kek.previous') !== undefined) throw new Error('the key folder holds "kek.previous" and no "kek"');
    this.#put('kek', randomBytes(KEY_BYTES));
  }

  /**
   * Puts a fresh key in the place of `kek`, which becomes `kek.previous`; a beginning that was cut short is carried on. Does nothing
   * when a rotation is under way. `stillAlone` throws when this is no longer the only rotation. Returns whether it began one.
   */
  async begin(stillAlone: () => Promise<void>): Promise<boolean> {
    const { current, previous } = this.read();
    if (previous !== undefined) return false;
    for (const name of readdirSync(this.folder)) if (HALF_MADE.test(name)) rmSync(join(this.folder, name));
    await stillAlone();
    this.#put('kek.previous', current);
    if (this.#key('kek.previous')?.equals(current) !== true) throw new Error('another rotation began');
    this.#put('kek.next', randomBytes(KEY_BYTES));
    await stillAlone();
    renameSync(join(this.folder, 'kek.next'), join(this.folder, 'kek'));
    this.#sync();
    return true;
  }

  /** Drops `kek.previous`: from now on what it wrapped is closed for good. */
  async end(stillAlone: () => Promise<void>): Promise<void> {
    await stillAlone();
    rmSync(join(this.folder, 'kek.previous'), { force: true });
    this.#sync();
  }

  #key(name: string): Buffer | undefined {
    let text: string;
    try {
      text = readFileSync(join(this.folder, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const key = Buffer.from(text, 'base64');
    if (key.length !== KEY_BYTES) throw new Error(`the key file "${name}" does not hold ${KEY_BYTES} bytes in base64`);
    return key;
  }

  /** Makes a file unless it is there. */
  #put(name: string, key: Buffer): void {
    const made = join(this.folder, `kek.${randomUUID()}.tmp`);
    try {
      writeFileSync(made, key.toString('base64'), { flag: 'wx', mode: 0o600, flush: true });
      linkSync(made, join(this.folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(made, { force: true });
    }
    this.#sync();
  }

  /** Names are on disk only when their folder is. */
  #sync(): void {
    const folder = openSync(this.folder, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}
