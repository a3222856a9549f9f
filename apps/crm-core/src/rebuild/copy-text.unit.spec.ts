import { copyFields, copyLine } from './copy-text.js';

const shape = { columns: ['a', 'b'], withDefault: new Set(['b']) };

describe('a line of COPY', () => {
  it('escapes what the format means by itself', () => {
    expect(copyLine(shape, { a: 'tab\t line\n return\r back\\slash', b: '\\N' })).toBe(
      'tab\\t line\\n return\\r back\\\\slash\t\\\\N\n',
    );
  });

  it('tells nothing, a default and an empty text apart', () => {
    expect(copyLine(shape, { a: null, b: '' })).toBe('\\N\t\n');
    expect(copyLine(shape, {})).toBe('\\N\t\\D\n');
    expect(copyLine(shape, { a: '', b: null })).toBe('\t\\N\n');
  });

  it('writes lists with every member in quotes, and refuses what is no column’s', () => {
    expect(copyLine(shape, { a: ['x,y', '"q"', 'b\\s'], b: [] })).toBe('{"x,y","\\\\"q\\\\"","b\\\\\\\\s"}\t{}\n');
    expect(copyLine(shape, { a: 1.5, b: true })).toBe('1.5\ttrue\n');
    expect(() => copyLine(shape, { a: {}, b: '' })).toThrow(TypeError);
    expect(() => copyLine(shape, { a: [1], b: '' })).toThrow(TypeError);
  });

  it('given a line, when it is read, then its values are what was written, and NULL is told from its text', () => {
    const read = (a: unknown, b: unknown): unknown => copyFields(copyLine(shape, { a, b }).slice(0, -1));
    expect(read('{"text": "a \\"quoted\\" one\\n"}', 'Ёлка')).toEqual(['{"text": "a \\"quoted\\" one\\n"}', 'Ёлка']);
    expect(read('tab\t line\n return\r back\\slash \\t', '\\N')).toEqual(['tab\t line\n return\r back\\slash \\t', '\\N']);
    expect(read(null, '')).toEqual([null, '']);
    expect(copyFields('\\b\\f\\v')).toEqual(['\b\f\v']);
  });
});
