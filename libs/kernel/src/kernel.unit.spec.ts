import { inspect } from 'node:util';
import { Secret, exposeOr, isUuid, uuidFromDigest } from './index.js';

describe('Secret', () => {
  it('shows its value to expose() only', () => {
    const secret = new Secret('planted');
    expect(secret.expose()).toBe('planted');
    for (const shown of [JSON.stringify({ secret }), `${secret}`, inspect(secret, { showHidden: true }), inspect({ secret })]) {
      expect(shown).not.toContain('planted');
    }
  });

  it('does not open once erased', () => {
    const secret = Secret.erased<string>();
    expect(secret.isErased).toBe(true);
    expect(() => secret.expose()).toThrow('destroyed');
    expect(exposeOr(secret, null)).toBeNull();
  });
});

describe('uuidFromDigest', () => {
  it('sets version 8 and the RFC variant', () => {
    const id = uuidFromDigest(new Uint8Array(32).fill(0xff));
    expect(id).toBe('ffffffff-ffff-8fff-bfff-ffffffffffff');
    expect(isUuid(id)).toBe(true);
  });

  it('refuses a short digest', () => {
    expect(() => uuidFromDigest(new Uint8Array(15))).toThrow(RangeError);
  });
});
