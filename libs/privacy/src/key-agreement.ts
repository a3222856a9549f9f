import { createHash, createPublicKey, createSecretKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** The part of a receiver's key that a sender needs; safe to publish. */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'X25519';
  readonly x: string;
}

/** What RFC 7518 section 4.6.2 feeds to the hash beside the shared secret: round 1; A256GCM, no parties named, 256 bits. */
const ROUND = Buffer.from([0, 0, 0, 1]);
const OTHER_INFO = Buffer.concat([
  Buffer.from([0, 0, 0, 7]),
  Buffer.from('A256GCM', 'ascii'),
  Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.from([0, 0, 1, 0]),
]);

/** A sender's own key pair and the content key it comes to with one receiver. */
export interface Agreed {
  readonly epk: PublicJwk;
  readonly contentKey: KeyObject;
}

/** A fresh key pair, agreed with the receiver. Throws a plain Error when the key is no X25519 public key. */
export function agreeWith(publicJwk: PublicJwk): Agreed {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return {
    epk: { kty: 'OKP', crv: 'X25519', x: String(publicKey.export({ format: 'jwk' }).x) },
    contentKey: contentKeyOf(privateKey, importPublicKey(publicJwk)),
  };
}

/** Content keys that a receiver came to, for each of his keys; those used longest ago go first. */
const AGREED_MAX = 256;
const agreed = new WeakMap<KeyObject, Map<string, KeyObject>>();

/**
 * The content key of an envelope, from the receiver's side: the same sender key comes again with each envelope of a busy sender.
 * Throws a plain Error on what is no X25519 public key, or a point of small order.
 */
export function agreedBy(privateKey: KeyObject, epk: PublicJwk): KeyObject {
  let known = agreed.get(privateKey);
  if (known === undefined) agreed.set(privateKey, (known = new Map<string, KeyObject>()));
  const contentKey = known.get(epk.x) ?? contentKeyOf(privateKey, importPublicKey(epk));
  known.delete(epk.x);
  known.set(epk.x, contentKey);
  if (known.size > AGREED_MAX) known.delete(known.keys().next().value ?? '');
  return contentKey;
}

/** Concat KDF, NIST SP 800-56A section 5.8.1, of one round. OpenSSL refuses the all-zero secret (RFC 7748 section 6.1). */
function contentKeyOf(privateKey: KeyObject, publicKey: KeyObject): KeyObject {
  const shared = diffieHellman({ privateKey, publicKey });
  const key = createHash('sha256').update(ROUND).update(shared).update(OTHER_INFO).digest();
  return createSecretKey(key);
}

function importPublicKey({ kty, crv, x }: PublicJwk): KeyObject {
  try {
    return createPublicKey({ key: { kty, crv, x }, format: 'jwk' });
  } catch {
    throw new Error('not an X25519 public key');
  }
}
