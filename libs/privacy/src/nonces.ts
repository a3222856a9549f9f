import { randomBytes } from 'node:crypto';

/** Of AES-GCM: 96 bits (NIST SP 800-38D, section 5.2.1.1). */
export const NONCE_BYTES = 12;
/** Nonces are cut from a piece of randomness, each once: a call for twelve bytes takes as long as one for all of these. */
const NONCES_AT_ONCE = 256;
let randomness = Buffer.alloc(0);
let used = 0;

/** A random nonce, never given before. */
export function freshNonce(): Buffer {
  if (used === randomness.length) {
    randomness = randomBytes(NONCES_AT_ONCE * NONCE_BYTES);
    used = 0;
  }
  const start = used;
  used += NONCE_BYTES;
  return randomness.subarray(start, used);
}
