import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The spool's own keys, made from one random key file (0600) beside it: one to recognise a body sent again, one to seal the settings
 * kept for a start without broker and core. They open no lead.
 */
export class SpoolKeys {
  readonly #macKey: Buffer;
  readonly #settingsKey: Buffer;

  constructor(root: Uint8Array) {
    this.#macKey = derive(root, 'body-mac');
    this.#settingsKey = derive(root, 'settings');
  }

  /** HMAC-SHA256 of a body. */
  macOf(body: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#macKey).update(body).digest();
  }

  /** AES-256-GCM bound to the setting's name: nonce, tag, ciphertext. */
  seal(name: string, text: string): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#settingsKey, nonce).setAAD(Buffer.from(name));
    const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
  }

  /** The text sealed under this name; null when it was sealed with another key or changed. */
  open(name: string, sealed: Uint8Array): string | null {
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#settingsKey, sealed.subarray(0, NONCE_BYTES));
      decipher.setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
    } catch {
      return null;
    }
  }
}

/** Makes the directory (0700) and the key file where they are missing. Throws a plain Error when the key file is damaged. */
export function openSpoolKeys(dir: string): SpoolKeys {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, 'spool.key');
  const root = readKey(path) ?? createKey(dir, path);
  if (root.length !== KEY_BYTES)
    throw new Error(`the key file of the spool in ${dir} is damaged: restore it, or move the spool away`);
  return new SpoolKeys(root);
}

function readKey(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Written whole and flushed under another name first, so a killed start leaves no half key behind. */
function createKey(dir: string, path: string): Buffer {
  const fresh = `${path}.${process.pid}.new`;
  const file = openSync(fresh, 'w', 0o600);
  writeFileSync(file, randomBytes(KEY_BYTES));
  fsyncSync(file);
  closeSync(file);
  try {
    linkSync(fresh, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  rmSync(fresh, { force: true });
  const directory = openSync(dir, 'r');
  fsyncSync(directory);
  closeSync(directory);
  return readFileSync(path);
}

function derive(root: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', root, new Uint8Array(), `palisade/spool/${purpose}`, KEY_BYTES));
}
