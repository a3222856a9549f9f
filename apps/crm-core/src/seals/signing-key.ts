import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  randomUUID,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const PRIVATE_FILE = 'seal-signing.pem';
const PUBLIC_FILE = 'seal-signing.pub.pem';

/** Checks signatures of heads. */
export interface HeadVerifier {
  /** SPKI, PEM. */
  readonly publicKey: string;
  /** The first 16 hexadecimal digits of the SHA-256 of the public key (SPKI, DER). */
  readonly keyId: string;
  verify(head: Buffer, signature: Buffer): boolean;
}
export interface HeadSigner extends HeadVerifier {
  sign(head: Buffer): Buffer;
}

/**
 * The Ed25519 key that signs heads: `seal-signing.pem` (0600) of the key folder, made at the first start, with its public half beside
 * it. It is outside the database, so who has only the database can sign nothing. Several cores share the folder.
 */
export async function headSigner(keyDir: string): Promise<HeadSigner> {
  await mkdir(keyDir, { recursive: true, mode: 0o700 });
  const privatePath = join(keyDir, PRIVATE_FILE);
  const fresh = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  await putOnce(privatePath, fresh, 0o600);
  const privateKey = createPrivateKey(await readFile(privatePath, 'utf8'));
  const verifier = verifierOf(createPublicKey(privateKey));
  await putOnce(join(keyDir, PUBLIC_FILE), verifier.publicKey, 0o644);
  return { ...verifier, sign: (head) => sign(null, head, privateKey) };
}

/** By the public key of the key folder, or of the file given. Throws when there is none: nothing could be checked. */
export async function headVerifier(keyDir: string, publicKeyFile = join(keyDir, PUBLIC_FILE)): Promise<HeadVerifier> {
  return verifierOf(createPublicKey(await readFile(publicKeyFile, 'utf8')));
}

function verifierOf(key: KeyObject): HeadVerifier {
  const keyId = hash('sha256', key.export({ type: 'spki', format: 'der' }), 'hex').slice(0, 16);
  return {
    publicKey: key.export({ type: 'spki', format: 'pem' }) as string,
    keyId,
    verify: (head, signature) => verify(null, head, key, signature),
  };
}

/** The file appears whole or not at all; of two cores that start at once the first one's stays. */
async function putOnce(path: string, content: string | Buffer, mode: number): Promise<void> {
  // A start needs no room on the disk for what is there already.
  if (existsSync(path)) return;
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, content, { flag: 'wx', mode, flush: true });
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
