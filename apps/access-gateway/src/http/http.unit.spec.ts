import fc from 'fast-check';
import { z } from 'zod';
import { DomainError } from '#kernel';
import { decodeCursor, encodeCursor, pageOf, parseIdempotencyKey, parseIfMatch, parsePage, PathId, readJson } from './index.js';

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'none';
  } catch (error) {
    return error instanceof DomainError ? error.code : 'another error';
  }
};

describe('If-Match', () => {
  it.each([
    [undefined, undefined],
    ['*', undefined],
    ['"0"', 0],
    [' "17" ', 17],
  ])('%p names %p', (header, version) => expect(parseIfMatch(header)).toBe(version));

  it.each([['17'], ['W/"17"'], ['"17", "18"'], ['"017"'], ['"-1"'], ['"1e3"'], ['""'], ['"9999999999"']])(
    'refuses %p',
    (header) => expect(codeOf(() => parseIfMatch(header))).toBe('malformed-request'),
  );
});

describe('Idempotency-Key', () => {
  it('takes 1 to 255 printable characters', () => {
    expect(parseIdempotencyKey('a')).toBe('a');
    expect(parseIdempotencyKey('k'.repeat(255))).toHaveLength(255);
    for (const key of ['', 'k'.repeat(256), 'a\tb', 'ключ']) {
      expect(codeOf(() => parseIdempotencyKey(key))).toBe('malformed-request');
    }
  });
});

describe('lists', () => {
  it('have 50 rows unless 1 to 200 are asked for', () => {
    expect(parsePage({}).limit).toBe(50);
    expect(parsePage({ limit: '200', cursor: 'x', q: 'y' })).toEqual({ limit: 200, cursor: 'x', rest: new Map([['q', 'y']]) });
    for (const limit of ['0', '201', '-1', '1.5', '', ' 5', '1e2'])
      expect(codeOf(() => parsePage({ limit }))).toBe('validation-failed');
    expect(codeOf(() => parsePage({ q: ['a', 'b'] }))).toBe('unknown-filter');
  });

  it('give cursors that come back as they were', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (keys) => {
        const cursor = encodeCursor(keys);
        fc.pre(cursor.length <= 1_000);
        expect(decodeCursor(cursor, z.unknown())).toEqual(JSON.parse(JSON.stringify(keys)));
      }),
    );
  });

  it('refuse every other cursor', () => {
    fc.assert(fc.property(fc.string(), (text) => expect(codeOf(() => decodeCursor(text, z.uuid()))).toBe('invalid-cursor')));
  });

  it('end with a null cursor', () => {
    const page = (count: number): unknown =>
      pageOf(
        Array.from({ length: count }, (_, index) => index),
        2,
        (row) => row,
        (row) => row,
      ).nextCursor;
    expect([page(0), page(2)]).toEqual([null, null]);
    expect(page(3)).toBe(encodeCursor(1));
  });
});

describe('ids of paths', () => {
  it('are UUIDs, or name nothing', () => {
    expect(PathId.transform('01A209F1-1514-701C-8216-2B4E2294FDB7', { type: 'param' })).toBe(
      '01a209f1-1514-701c-8216-2b4e2294fdb7',
    );
    expect(codeOf(() => PathId.transform('1', { type: 'param' }))).toBe('not-found');
  });
});

describe('bodies', () => {
  const schema = z.strictObject({ name: z.string().max(3) });
  const read = (text: string, mediaType: string | undefined = 'application/json'): unknown =>
    readJson({ bytes: Buffer.from(text), mediaType }, schema);

  it('are refused by what is wrong with them', () => {
    expect(read('{"name":"a"}')).toEqual({ name: 'a' });
    expect(codeOf(() => read('{"name":"a"}', 'text/plain'))).toBe('unsupported-media-type');
    expect(codeOf(() => read('{"name"'))).toBe('malformed-body');
    expect(codeOf(() => read('{"name":1}'))).toBe('validation-failed');
    expect(codeOf(() => readJson({ bytes: undefined, mediaType: 'application/json' }, schema))).toBe('malformed-body');
  });

  it('are never quoted in the refusal', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (name, field) => {
        try {
          read(JSON.stringify({ name, [field]: field }));
        } catch (error) {
          const told = JSON.stringify([error, (error as DomainError).options, (error as Error).message]);
          expect(told.includes(name) || told.includes(field)).toBe(false);
        }
      }),
    );
  });
});
