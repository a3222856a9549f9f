import { randomBytes } from 'node:crypto';
import { kekIdOf, localKeyWrapper, newDataKey, wrappedWith } from '#privacy';
import { KeyRing, type KeyEncryptionKeys } from './key-ring.js';

const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const key = newDataKey();

describe('a key ring', () => {
  it('wraps with the current key, under an id made of it, and opens both', () => {
    const ring = new KeyRing(() => ({ current: second, previous: first }));
    const wrapped = ring.wrap(key, 'contact-1');
    expect(wrappedWith(wrapped)).toBe(kekIdOf(second));
    expect(kekIdOf(second)).toMatch(/^[0-9a-f]{16}$/);
    expect(ring.unwrap(wrapped, 'contact-1')).toEqual(key);
    expect(ring.unwrap(new KeyRing(() => ({ current: first })).wrap(key, 'contact-1'), 'contact-1')).toEqual(key);
    expect(() => ring.unwrap(wrapped, 'contact-2')).toThrow();
  });

  it.each(['file', 'given'])('opens what was wrapped under the id of old "%s", whichever key it was', (place) => {
    const ring = new KeyRing(() => ({ current: second, previous: first }));
    for (const kek of [first, second])
      expect(ring.unwrap(localKeyWrapper(kek, place).wrap(key, 'deal-1'), 'deal-1')).toEqual(key);
    expect(() => ring.unwrap(localKeyWrapper(third, place).wrap(key, 'deal-1'), 'deal-1')).toThrow();
  });

  it('looks again when it meets a key that it does not know, and no more often than that', () => {
    let now: KeyEncryptionKeys = { current: first };
    let reads = 0;
    const ring = new KeyRing(() => {
      reads += 1;
      return now;
    });
    const old = ring.wrap(key, 'deal-1');
    now = { current: second, previous: first };
    const wrapped = new KeyRing(() => ({ current: second })).wrap(key, 'deal-1');
    expect(ring.unwrap(wrapped, 'deal-1')).toEqual(key);
    expect(ring.unwrap(old, 'deal-1')).toEqual(key);
    expect([ring.kekId, reads]).toEqual([kekIdOf(second), 2]);
  });
});
