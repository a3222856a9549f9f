import { buffer, text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import readSheet from 'read-excel-file/node';
import { csvLine, fileStream, formulaSafe, type FileContent } from './export-file.js';

const STARTS = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
const cell = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.tuple(fc.constantFrom(...STARTS), fc.string({ maxLength: 40 })).map(([start, rest]) => start + rest),
  fc.stringMatching(/^[",;'\r\n =x]{0,12}$/),
);
const rows = fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { maxLength: 8 });

const contentOf = (parts: readonly (readonly (readonly string[])[])[]): FileContent => ({
  header: ['id', 'name', 'note'],
  parts: (async function* () {
    for (const part of parts) yield await Promise.resolve(part);
  })(),
});

describe('a file of CSV', () => {
  it('has no cell that a spreadsheet computes, and every cell as it was, but for the apostrophe before it', () => {
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 6 }), (cells) => {
        const [read] = parse(csvLine(cells), { record_delimiter: '\r\n' }) as string[][];
        expect(read?.map((one) => STARTS.some((start) => one.startsWith(start)))).toEqual(cells.map(() => false));
        expect(read).toEqual(cells.map((one) => (STARTS.some((start) => one.startsWith(start)) ? `'${one}` : one)));
      }),
    );
  });

  it.each(['=1+1', '+7 *** ***-**-89', '-5.00', '@SUM(A1)', '\t=1', '＝1'])('puts an apostrophe before %j', (formula) => {
    expect(formulaSafe(formula)).toBe(`'${formula}`);
  });
  it.each(['', 'Anna', "'=1", ' a', '5-1'])('leaves %j alone', (plain) => {
    expect(formulaSafe(plain)).toBe(plain);
  });

  it('begins with the mark of UTF-8 and its header, and goes on part after part', async () => {
    const written = await buffer(fileStream('csv', 'contacts', contentOf([[['1', 'Анна', '']], [], [['2', '"q"', 'a\nb']]])));
    expect(written.toString('utf8')).toBe('\uFEFF"id","name","note"\r\n"1","Анна",""\r\n"2","""q""","a\nb"\r\n');
  });

  it('breaks off with what breaks its rows off', async () => {
    const content: FileContent = {
      header: ['id'],
      parts: (async function* () {
        yield await Promise.resolve([['1']]);
        throw new Error('not any more');
      })(),
    };
    await expect(text(fileStream('csv', 'contacts', content))).rejects.toThrow('not any more');
  });
});

describe('a file of XLSX', () => {
  it('is opened by another reader with every cell as it was, as text', async () => {
    // Spaces at the ends are kept by the file and taken off by this reader; a control character is none in XML.
    const plain = (value: string): boolean => value.trim() === value && !/[\u0000-\u001F\uFFFE\uFFFF]/.test(value);
    await fc.assert(
      fc.asyncProperty(rows, async (written) => {
        const kept = written.map((row) => row.map((value) => (plain(value) ? value : 'x')));
        const bytes = await buffer(fileStream('xlsx', 'contacts', contentOf([kept])));
        const [sheet] = (await readSheet(bytes)) as unknown as { data: unknown[][] }[];
        const read = sheet?.data.map((row) => row.map((value) => value ?? ''));
        expect(read).toEqual([['id', 'name', 'note'], ...kept].filter((row) => row.some((value) => value !== '')));
      }),
      { numRuns: 50 },
    );
  });

  it('holds nothing that no XML may hold', async () => {
    const bytes = await buffer(fileStream('xlsx', 'contacts', contentOf([[['a\u0001b', '=1+1', '\uD800']]])));
    const [sheet] = (await readSheet(bytes)) as unknown as { data: unknown[][] }[];
    expect(sheet?.data[1]).toEqual(['a\uFFFDb', '=1+1', '\uFFFD']);
  });
});
