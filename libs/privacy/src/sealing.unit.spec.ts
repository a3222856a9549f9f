import fc from 'fast-check';
import { Secret } from '#kernel';
import {
  blindIndex,
  blindIndexHex,
  localKeyWrapper,
  newDataKey,
  open,
  openSecrets,
  seal,
  sealSecrets,
  wrappedWith,
  type JsonValue,
} from './index.js';

const key = newDataKey();
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);

describe('seal', () => {
  it('opens in its place to the same value', () => {
    fc.assert(fc.property(json, fc.string(), (value, place) => expect(open(key, seal(key, value, place), place)).toEqual(value)));
  });

  it('does not open elsewhere, with another key, or changed', () => {
    fc.assert(
      fc.property(json, fc.string(), fc.string(), fc.nat(), (value, place, other, at) => {
        fc.pre(place !== other);
        const sealed = seal(key, value, place);
        const bytes = Buffer.from(sealed, 'base64url');
        bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ 1;
        expect(() => open(key, sealed, other)).toThrow('does not open');
        expect(() => open(newDataKey(), sealed, place)).toThrow('does not open');
        expect(() => open(key, bytes.toString('base64url'), place)).toThrow();
      }),
    );
  });

  it('given short and long values of many places, when they are opened in turn, some in the wrong place, then each is its own', () => {
    const places = ['a', 'contact-1|event|/name', 'п'.repeat(1_500), 'x'.repeat(5_000)];
    const values = ['', '+79161234567', 'Иван', 'note '.repeat(300), 'note '.repeat(2_000)];
    const all = places.flatMap((place) => values.map((value) => ({ place, value, sealed: seal(key, value, place) })));
    for (const { place, value, sealed } of [...all, ...all.toReversed()]) {
      expect(open(key, sealed, place)).toBe(value);
      expect(() => open(key, sealed, `${place}!`)).toThrow('does not open');
    }
  });

  it('shows neither value nor length, and differs each time', () => {
    const sealed = seal(key, '+79161234567', 'a');
    expect(sealed).not.toContain('9161234567');
    expect(seal(key, '+79161234567', 'a')).not.toBe(sealed);
    expect(seal(key, '+79161234567;ext=12', 'a')).toHaveLength(sealed.length);
  });

  it('refuses what it cannot seal or read', () => {
    expect(() => seal(key, undefined as unknown as JsonValue, 'a')).toThrow(TypeError);
    expect(() => seal(Buffer.alloc(16), 'x', 'a')).toThrow(RangeError);
    expect(() => open(key, 'AAAA', 'a')).toThrow('unknown form');
  });
});

describe('localKeyWrapper', () => {
  const wrapper = localKeyWrapper(newDataKey(), 'kek-1');

  it('unwraps for the owner alone', () => {
    const wrapped = wrapper.wrap(key, 'contact-1');
    expect(wrapper.unwrap(wrapped, 'contact-1')).toEqual(key);
    expect(wrapped.includes(key)).toBe(false);
    expect(() => wrapper.unwrap(wrapped, 'contact-2')).toThrow('does not unwrap');
  });

  it('tells which key-encryption key it needs', () => {
    const wrapped = wrapper.wrap(key, 'contact-1');
    expect(wrappedWith(wrapped)).toBe('kek-1');
    expect(() => localKeyWrapper(newDataKey(), 'kek-2').unwrap(wrapped, 'contact-1')).toThrow('another key-encryption key');
    expect(() => localKeyWrapper(newDataKey(), 'kek-1').unwrap(wrapped, 'contact-1')).toThrow('does not unwrap');
    expect(() => wrappedWith(wrapped.subarray(1))).toThrow('unknown form');
  });
});

describe('sealSecrets', () => {
  const data = {
    stage: 'new',
    name: new Secret('Ivan'),
    phones: [{ id: 1, number: new Secret({ kind: 'e164', value: '+79161234567' }) }],
    gone: undefined,
  };

  it('seals every secret and opens it again', () => {
    const sealed = sealSecrets(data, key, 'contact-1|7');
    expect(JSON.stringify(sealed)).not.toMatch(/Ivan|9161234567|secret/);
    const opened = openSecrets(JSON.parse(JSON.stringify(sealed)), key, 'contact-1|7') as typeof data;
    expect(opened.stage).toBe('new');
    expect(opened.name.expose()).toBe('Ivan');
    expect(opened.phones[0]?.number.expose()).toEqual({ kind: 'e164', value: '+79161234567' });
    expect('gone' in opened).toBe(false);
  });

  it('gives erased secrets once the key is destroyed', () => {
    const opened = openSecrets(sealSecrets(data, key, 'p'), undefined, 'p') as typeof data;
    expect(opened.name.isErased).toBe(true);
    expect(opened.phones[0]?.number.isErased).toBe(true);
    expect(opened.phones[0]?.id).toBe(1);
  });

  it('does not open under another prefix or in another field', () => {
    const sealed = sealSecrets({ a: new Secret('x'), b: new Secret('y') }, key, 'p') as { a: JsonValue; b: JsonValue };
    expect(() => openSecrets(sealed, key, 'q')).toThrow('does not open');
    expect(() => openSecrets({ a: sealed.b, b: sealed.a }, key, 'p')).toThrow('does not open');
  });

  it('keeps paths apart and own names safe', () => {
    const odd = JSON.parse('{"__proto__": {"a/b": 1}, "a": {"b": 2}}') as JsonValue;
    expect(JSON.stringify(openSecrets(sealSecrets(odd, key, 'p'), key, 'p'))).toBe(JSON.stringify(odd));
    const sealed = sealSecrets({ 'a/b': new Secret(1), a: { b: new Secret(2) } }, key, 'p') as {
      'a/b': JsonValue;
      a: { b: JsonValue };
    };
    expect(() => openSecrets({ 'a/b': sealed.a.b, a: { b: sealed['a/b'] } }, key, 'p')).toThrow('does not open');
  });

  it('refuses what would be lost, stay in the clear or look sealed', () => {
    expect(() => sealSecrets({ a: new Secret('x') }, undefined, 'p')).toThrow('no key');
    expect(() => sealSecrets({ a: Secret.erased() }, key, 'p')).toThrow('destroyed');
    expect(() => sealSecrets({ a: new Secret([new Secret('x')]) }, key, 'p')).toThrow('inside a secret');
    expect(() => sealSecrets({ a: { $sealed: 'AAAA' } }, key, 'p')).toThrow('looks sealed');
    expect(() => sealSecrets({ a: new Date(0) }, key, 'p')).toThrow('JSON cannot carry');
    expect(() => sealSecrets({ a: Number.NaN }, key, 'p')).toThrow('JSON cannot carry');
    expect(sealSecrets({ a: 1 }, undefined, 'p')).toEqual({ a: 1 });
  });

  it('returns any clear data unchanged', () => {
    fc.assert(fc.property(json, (value) => expect(openSecrets(sealSecrets(value, key, 'p'), key, 'p')).toEqual(value)));
  });
});

describe('blindIndex', () => {
  it('is stable, keyed, and apart for each kind', () => {
    const index = blindIndex(key, 'phone', '+79161234567');
    expect(index).toHaveLength(32);
    expect(blindIndex(key, 'phone', '+79161234567')).toEqual(index);
    expect(blindIndexHex(key, 'phone', '+79161234567')).toBe(index.toString('hex'));
    expect(blindIndex(key, 'email', '+79161234567')).not.toEqual(index);
    expect(blindIndex(newDataKey(), 'phone', '+79161234567')).not.toEqual(index);
    expect(() => blindIndex(Buffer.alloc(8), 'phone', 'x')).toThrow(RangeError);
    expect(() => blindIndexHex(Buffer.alloc(8), 'phone', 'x')).toThrow(RangeError);
  });
});
