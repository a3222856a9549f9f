import fc from 'fast-check';
import { searchQuery, searchVector, searchWords } from './search-words.js';

describe('words of a text', () => {
  it.each<[string, string[]]>([
    ['Ivanov-Petrov', ['ivanov', 'petrov']],
    ['ООО «Ромашка»', ['ооо', 'ромашка']],
    ['web.site/path A/B', ['web', 'site', 'path', 'a', 'b']],
    ['Артём АРТЕМ', ['артем']],
    ['Артём'.normalize('NFD'), ['артем']],
    ['Йод', ['йод']],
    ['-5.50 +7 *** 1e3', ['5', '50', '7', '1e3']],
    ["O'Brien & Sons, Ltd.", ['o', 'brien', 'sons', 'ltd']],
    ['Straße STRASSE ﬃ', ['strasse', 'ffi']],
    ['ΟΔΟΣ οδος', ['οδοσ']],
    ['Ｆｕｌｌ ١٢', ['full', '١٢']],
    ["' \\ & | ! ( ) : * <-> \u0301", []],
    ['', []],
  ])('%j', (text, words) => expect(searchWords(text)).toEqual(words));

  it('of plain letters are those that the long way gives', () => {
    const plain = fc.string({ unit: fc.constantFrom(...'AZaz09 .,-_@ЙйЁёЪъЯя'), maxLength: 40 });
    // A sign that is not plain sends the whole text the long way.
    fc.assert(fc.property(plain, (text) => expect([...searchWords(text), '中']).toEqual(searchWords(`${text} 中`))));
  });

  it('are cut where PostgreSQL would refuse them', () => {
    const [word] = searchWords('𐐀'.repeat(400));
    expect(Buffer.byteLength(word ?? '')).toBeLessThanOrEqual(2_046);
    expect([...(word ?? '')]).toHaveLength(255);
  });

  it('are the same in any case, and hold nothing that means something to a query', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const words = searchWords(text);
        expect(searchWords(text.toUpperCase())).toEqual(words);
        for (const word of words) expect(word).toMatch(/^[\p{L}\p{N}][\p{L}\p{M}\p{N}]*$/u);
        expect(searchWords(words.join(' '))).toEqual(words);
      }),
    );
  });
});

it('a vector and a query are texts of PostgreSQL', () => {
  expect(searchVector('Иван Petrov')).toBe(`'иван' 'petrov'`);
  expect(searchQuery(searchWords('Ив petr'))).toBe(`'ив':* & 'petr':*`);
  expect(searchQuery(searchWords('и ив'))).toBe(`'ив':*`);
  expect([searchVector('***'), searchQuery([])]).toEqual(['', '']);
});
