import { inspect } from 'node:util';
import { Secret, earliestIdOf, isInstant, isUuid, uuidFromDigest } from './index.js';

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

describe('earliestIdOf', () => {
  it('holds the millisecond in the first 48 bits, and nothing else but version and variant', () => {
    expect(earliestIdOf(Date.UTC(2022, 1, 22, 19, 22, 22))).toBe('017f22e2-79b0-7000-8000-000000000000');
    expect(earliestIdOf(-1)).toBe('00000000-0000-7000-8000-000000000000');
    expect(isUuid(earliestIdOf(0.5))).toBe(true);
  });
});

describe('isInstant', () => {
  it.each([
    '2026-11-27T10:00:00Z',
    '2026-11-27T10:00Z',
    '2026-11-27T10:00:00.123456+15:59',
    '2024-02-29T23:59:59-03:00',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ])('takes %s', (text) => expect(isInstant(text)).toBe(true));

  it.each([
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-11-27T25:00:00Z',
    '2026-11-27T10:00:60Z',
    '2026-11-27T10:00:00+16:00',
    '2026-11-27T10:00:00+23:59',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '2026-11-27T10:00:00',
    '2026-11-27',
    ' 2026-11-27T10:00:00Z',
    'infinity',
    '',
  ])('refuses %p', (text) => expect(isInstant(text)).toBe(false));
});
