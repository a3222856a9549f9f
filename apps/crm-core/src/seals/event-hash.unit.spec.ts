import { hash } from 'node:crypto';
import fc from 'fast-check';
import { eventHash, type EventTexts } from './event-hash.js';

const texts = fc.tuple(...Array.from({ length: 8 }, () => fc.string({ maxLength: 6 }))) as unknown as fc.Arbitrary<EventTexts>;

describe('the hash of an event', () => {
  it('is SHA-256 over lengths and texts, so that a verifier can be written anew', () => {
    const event: EventTexts = ['1', 'id', 's', '2', 'T', '1', '{"a": "ж"}', '{}'];
    const expected = 'palisade-event-11:12:id1:s1:21:T1:111:{"a": "ж"}2:{}';
    expect(eventHash(event).toString('hex')).toBe(hash('sha256', expected));
  });

  it('is another one for every other event, wherever the boundaries of its texts lie', () => {
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        const isSame = one.every((text, index) => text === other[index]);
        expect(eventHash(one).equals(eventHash(other))).toBe(isSame);
      }),
    );
    expect(eventHash(['1', '1:2', '', '', '', '', '', ''])).not.toEqual(eventHash(['1', '', '1:2', '', '', '', '', '']));
  });
});
