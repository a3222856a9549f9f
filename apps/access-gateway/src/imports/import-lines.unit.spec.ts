import fc from 'fast-check';
import { IMPORT_PART } from '#contracts';
import { readImportFile } from './import-lines.js';

const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
const codeOf = async (text: string | Buffer): Promise<unknown> =>
  readImportFile(Buffer.from(text), 100).then(
    () => 'read',
    (error: { code?: unknown }) => error.code,
  );

describe('the lines of a file', () => {
  it('reads back whatever was quoted, and leaves empty cells out', async () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => !text.includes('\r'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(',', ';'),
        async (rows, by) => {
          const text = ['name,note'.replace(',', by), ...rows.map((row) => row.map(quoted).join(by))].join('\n');
          const { parts, refused } = await readImportFile(Buffer.from(text), 1_000);
          const read = parts.flat().map(({ name = '', note = '' }) => [name, note]);
          expect(refused).toEqual([]);
          expect(read).toEqual(rows.map((row) => row.map((value) => (value.trim() === '' ? '' : value))));
        },
      ),
    );
  });

  it('makes parts that one message can hold', async () => {
    const lines = Array.from({ length: 60 }, (_, index) => `n${index},${'х'.repeat(index % 2 === 0 ? 5 : 9_000)}`);
    const { parts } = await readImportFile(Buffer.from(`name,note\n${lines.join('\n')}`), 1_000);

    expect(parts.flat().map(({ line }) => line)).toEqual(lines.map((_, index) => index + 2));
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(IMPORT_PART.lines);
      expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(IMPORT_PART.bytes + 1_000);
    }
  });

  it.each([
    ['nothing', '', 'malformed-body'],
    ['bytes that are not UTF-8', Buffer.from([0x6e, 0xff]), 'malformed-body'],
    ['a quote left open', 'name\n"x', 'malformed-body'],
    ['a header alone', 'name', 'validation-failed'],
    ['a column twice', 'name,name\nx,y', 'validation-failed'],
    ['no name', 'phone\nx', 'validation-failed'],
    ['an unknown column', 'name,salary\nx,y', 'validation-failed'],
    ['too many lines', `name\n${'x\n'.repeat(101)}`, 'body-too-large'],
    ['a column called __proto__', 'name,__proto__\nx,y', 'validation-failed'],
  ])('refuses %s', async (_, text, code) => {
    expect(await codeOf(text)).toBe(code);
  });

  it('names a line with other cells than the header, or with a NUL, and reads the rest', async () => {
    const { parts, refused, rows } = await readImportFile(Buffer.from('name,note\na,b\nc\n\nd,e,f\ng,h\ni\0,j'), 100);

    expect(refused).toEqual([
      { line: 3, code: 'malformed-line' },
      { line: 5, code: 'malformed-line' },
      { line: 7, code: 'malformed-line' },
    ]);
    expect([rows, parts.flat().map(({ line }) => line)]).toEqual([5, [2, 6]]);
  });
});
