import { parseListRequest } from './list-request.js';
import { CONTACTS, DEALS } from './record-kind.js';

const SPELLINGS = ['+79161234567', '8 (916) 123-45-67', '8916123 45 67', 'ivan@mail.ru'];

describe('a number in a query', () => {
  it.each(SPELLINGS)('as words, then nothing is looked for: %s', (text) => {
    expect(parseListRequest(CONTACTS, { q: `Иван ${text}` }, 'RU').words).toEqual([]);
  });

  it.each(SPELLINGS)('as attribution, then nothing is looked for, and it goes no further: %s', (text) => {
    const { words, attribution } = parseListRequest(
      DEALS,
      { 'attribution[utm_term]': text, 'attribution[city]': 'Казань' },
      'RU',
    );
    expect(words).toEqual([]);
    expect(attribution['city']).toBe('Казань');
    expect(attribution['utm_term']).toContain('***');
  });

  it('in the name of an attribution, likewise', () => {
    const request = parseListRequest(DEALS, { 'attribution[79161234567]': 'x', q: 'Иван' }, 'RU');
    expect(request.words).toEqual([]);
    expect(Object.keys(request.attribution)).toEqual(['+7 *** ***-**-67']);
  });
});

it('what holds no number is looked for as it is, masks too', () => {
  const query = { q: 'Заявка 1234', 'attribution[utm_term]': '+7 *** ***-**-67' };
  const { words, attribution } = parseListRequest(DEALS, query, 'RU');
  expect([words, attribution]).toEqual([['заявка', '1234'], { utm_term: '+7 *** ***-**-67' }]);
});

it('a NUL in an attribution is looked for nowhere', () => {
  const { words, attribution } = parseListRequest(DEALS, { 'attribution[city]': 'a\0b' }, 'RU');
  expect([words, attribution]).toEqual([[], { city: 'a\ufffdb' }]);
});

describe('a time that the database does not have', () => {
  const ID = '00000000-0000-7000-8000-000000000000';
  const codeOf = (query: unknown): unknown => {
    try {
      return parseListRequest(CONTACTS, query, 'RU');
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  it.each(['2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z', '2026-11-27T10:00:00+23:59'])('is refused: %s', (time) => {
    expect(codeOf({ createdFrom: time })).toBe('validation-failed');
    expect(codeOf({ createdTo: time })).toBe('validation-failed');
    const cursor = Buffer.from(JSON.stringify(['-createdAt', time, ID])).toString('base64url');
    expect(codeOf({ cursor })).toBe('invalid-cursor');
  });
});
