import { LineBuffer } from './line-buffer.js';

describe('LineBuffer', () => {
  it('keeps lines in their order, over pieces and beyond the size of one', () => {
    const buffer = new LineBuffer();
    const lines = [...Array.from({ length: 10_000 }, (_, index) => `${index}\tИван 🙂\n`), `${'ё'.repeat(100_000)}\n`, 'last\n'];
    for (const line of lines) buffer.add(line);
    expect(buffer.bytes).toBe(Buffer.byteLength(lines.join('')));
    const pieces = buffer.pieces();
    expect(pieces.length).toBeGreaterThan(2);
    expect(Buffer.concat(pieces).toString('utf8')).toBe(lines.join(''));
  });

  it('holds nothing at first', () => {
    expect(new LineBuffer().bytes).toBe(0);
    expect(new LineBuffer().pieces()).toEqual([]);
  });
});
