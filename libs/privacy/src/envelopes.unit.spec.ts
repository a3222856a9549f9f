import { CompactEncrypt, generateKeyPair, importJWK } from 'jose';
import {
  exportReceiverKeys,
  importReceiverKeys,
  newReceiverKeys,
  openEnvelope,
  sealFor,
  toPublicJwk,
  type PublicJwk,
} from './index.js';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('envelopes', () => {
  it('open for the receiver in the same context', async () => {
    const keys = await newReceiverKeys();
    const jwe = await sealFor(keys.publicJwk, '{"number":"+79161234567"}', 'request-1');
    expect(jwe).not.toContain('9161234567');
    expect(text(await openEnvelope(keys.privateKey, jwe, 'request-1'))).toBe('{"number":"+79161234567"}');
    expect(await openEnvelope(keys.privateKey, await sealFor(keys.publicJwk, Uint8Array.of(1, 2), 'r'), 'r')).toEqual(
      Uint8Array.of(1, 2),
    );
  });

  it('do not open elsewhere, for others, or changed', async () => {
    const keys = await newReceiverKeys();
    const other = await newReceiverKeys();
    const jwe = await sealFor(keys.publicJwk, 'value', 'request-1');
    const [header = '', ...rest] = jwe.split('.');
    const moved = Buffer.from(header, 'base64url').toString().replace('request-1', 'request-2');
    const forged = [Buffer.from(moved).toString('base64url'), ...rest].join('.');
    for (const [key, sealed, ctx] of [[keys.privateKey, jwe, 'request-2'], [other.privateKey, jwe, 'request-1'], [keys.privateKey, forged, 'request-2'], [keys.privateKey, 'x.y', 'request-1']] as const) {
      await expect(openEnvelope(key, sealed, ctx)).rejects.toThrow('the envelope does not open');
    } // prettier-ignore
  });

  it('take no other algorithm', async () => {
    const keys = await newReceiverKeys();
    const key = await importJWK({ ...keys.publicJwk }, 'ECDH-ES');
    for (const header of [
      { alg: 'ECDH-ES', enc: 'A128GCM' },
      { alg: 'ECDH-ES+A256KW', enc: 'A256GCM' },
    ]) {
      const jwe = await new CompactEncrypt(Uint8Array.of(1)).setProtectedHeader({ ...header, ctx: 'r' }).encrypt(key);
      await expect(openEnvelope(keys.privateKey, jwe, 'r')).rejects.toThrow('the envelope does not open');
    }
  });

  it('keep their keys through a key file, and give senders the public part alone', async () => {
    const keys = await newReceiverKeys();
    const file = JSON.stringify(await exportReceiverKeys(keys));
    const again = await importReceiverKeys(JSON.parse(file));
    expect(again.publicJwk).toEqual(keys.publicJwk);
    expect(Object.keys(again.publicJwk).toSorted()).toEqual(['crv', 'kty', 'x']);
    expect(text(await openEnvelope(again.privateKey, await sealFor(keys.publicJwk, 'v', 'r'), 'r'))).toBe('v');
  });

  it('refuse keys of another kind', async () => {
    const { publicKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256' });
    expect(() => toPublicJwk({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' })).toThrow('not an X25519 public key');
    await expect(importReceiverKeys({ kty: 'OKP', crv: 'X25519', x: 'AA' })).rejects.toThrow('not a private X25519 key');
    await expect(sealFor({ kty: 'OKP', crv: 'X25519', x: 'AA' }, 'v', 'r')).rejects.toThrow('not an X25519');
    await expect(sealFor(publicKey as unknown as PublicJwk, 'v', 'r')).rejects.toThrow('not an X25519 public key');
  });
});
