import { jest } from '@jest/globals';
import { compactDecrypt, CompactEncrypt, generateKeyPair, importJWK } from 'jose';
import {
  EnvelopeSender,
  exportReceiverKeys,
  importReceiverKeys,
  newReceiverKeys,
  openEnvelope,
  sealFor,
  toPublicJwk,
  type PublicJwk,
} from './index.js';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const epkOf = (jwe: string): string =>
  (JSON.parse(Buffer.from(jwe.split('.')[0] ?? '', 'base64url').toString()) as { epk: { x: string } }).epk.x;
/** One bit in the middle is another; an empty part is no longer empty. */
function changed(part: string): string {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.length === 0) return 'AA';
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  return bytes.toString('base64url');
}

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

  it('are those of the standard: jose opens ours, and we open those of jose', async () => {
    const keys = await newReceiverKeys();
    const ours = await sealFor(keys.publicJwk, 'ours', 'r');
    const privateKey = await importJWK({ ...(await exportReceiverKeys(keys)) }, 'ECDH-ES');
    expect(text((await compactDecrypt(ours, privateKey)).plaintext)).toBe('ours');
    const header = { alg: 'ECDH-ES', enc: 'A256GCM', ctx: 'r' };
    const publicKey = await importJWK({ ...keys.publicJwk }, 'ECDH-ES');
    const seal = (more: object) =>
      new CompactEncrypt(Buffer.from('theirs')).setProtectedHeader({ ...header, ...more }).encrypt(publicKey);
    expect(text(await openEnvelope(keys.privateKey, await seal({}), 'r'))).toBe('theirs');
    // Whatever else a header says would have to be understood.
    await expect(openEnvelope(keys.privateKey, await seal({ kid: '1' }), 'r')).rejects.toThrow('the envelope does not open');
  });

  it('refuse a changed byte of any part, another spelling, and a key of small order', async () => {
    const keys = await newReceiverKeys();
    const parts = (await sealFor(keys.publicJwk, 'value', 'r')).split('.');
    const attempts = parts.map((part, index) => parts.with(index, changed(part)).join('.'));
    attempts.push(parts.join('.') + '.', parts.slice(0, 4).join('.'), `${parts.join('.')}=`);
    const header = JSON.parse(Buffer.from(parts[0] ?? '', 'base64url').toString()) as { epk: object };
    const zero = { ...header, epk: { ...header.epk, x: Buffer.alloc(32).toString('base64url') } };
    attempts.push(parts.with(0, Buffer.from(JSON.stringify(zero)).toString('base64url')).join('.'));
    for (const attempt of attempts) await expect(openEnvelope(keys.privateKey, attempt, 'r')).rejects.toThrow('does not open');
  });

  it('of a sender to one receiver share a key pair for a minute, and those of `sealFor` none', async () => {
    jest.useFakeTimers();
    try {
      const [keys, others] = [await newReceiverKeys(), await newReceiverKeys()];
      const sender = new EnvelopeSender();
      const sealed = [1, 2].map((n) => sender.seal(keys.publicJwk, `value ${n}`, `r-${n}`));
      const other = sender.seal(others.publicJwk, 'value', 'r');
      jest.advanceTimersByTime(60_000);
      const later = sender.seal(keys.publicJwk, 'value 3', 'r-3');
      expect(new Set([...sealed, other, later].map(epkOf)).size).toBe(3);
      expect(epkOf(sealed[0] ?? '')).toBe(epkOf(sealed[1] ?? ''));
      for (const [index, jwe] of [...sealed, later].entries()) {
        expect(text(await openEnvelope(keys.privateKey, jwe, `r-${index + 1}`))).toBe(`value ${index + 1}`);
        await expect(openEnvelope(others.privateKey, jwe, `r-${index + 1}`)).rejects.toThrow('does not open');
      }
      const brief = new EnvelopeSender({ usedMs: 100, usedTimes: 2 });
      const burst = [1, 2, 3].map(() => epkOf(brief.seal(keys.publicJwk, 'value', 'r')));
      jest.advanceTimersByTime(100);
      expect(new Set([...burst, epkOf(brief.seal(keys.publicJwk, 'value', 'r'))]).size).toBe(3);
      expect(burst[0]).toBe(burst[1]);
      const single = await Promise.all([1, 2].map(() => sealFor(keys.publicJwk, 'value', 'r')));
      expect(new Set(single.map(epkOf)).size).toBe(2);
      expect(() => sender.seal({ kty: 'OKP', crv: 'X25519', x: 'AA' }, 'v', 'r')).toThrow('not an X25519');
    } finally {
      jest.useRealTimers();
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
