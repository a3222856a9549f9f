import { DomainError } from '#kernel';
import { parseJsonBody, storable } from './index.js';

const body = (text: string): Buffer => Buffer.from(text, 'utf8');
const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'none';
  } catch (error) {
    return (error as DomainError).code;
  }
};

describe('parseJsonBody', () => {
  it.each(['application/json', 'Application/JSON; charset=utf-8', 'application/json;charset="UTF-8"'])('takes %s', (type) => {
    expect(parseJsonBody(body('{"a":[1,null,"é"]}'), type)).toEqual({ a: [1, null, 'é'] });
  });

  it.each([undefined, '', 'text/plain', 'application/jsonp', 'application/json; charset=latin1', 'text/html, application/json'])(
    'does not take %s',
    (type) => {
      expect(codeOf(() => parseJsonBody(body('{}'), type))).toBe('unsupported-media-type');
    },
  );

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no JSON', body('+7 912 345-67-89')],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a __proto__ key', body('{"__proto__":{"isAdmin":true}}')],
    ['a __proto__ key further in', body('{"a":[{"__proto__":1}]}')],
    ['33 levels', body('['.repeat(33) + ']'.repeat(33))],
    ['100,000 levels', body('['.repeat(100_000) + ']'.repeat(100_000))],
  ])('refuses %s', (_name, bytes) => {
    expect(codeOf(() => parseJsonBody(bytes, 'application/json'))).toBe('malformed-body');
  });

  it('takes 32 levels', () => {
    expect(codeOf(() => parseJsonBody(body('['.repeat(32) + ']'.repeat(32)), 'application/json'))).toBe('none');
  });

  it('quotes nothing of what it refuses', () => {
    try {
      parseJsonBody(body('{"phone": +79123456789}'), 'application/json');
    } catch (error) {
      expect(
        `${String(error)} ${JSON.stringify((error as DomainError).options)} ${String((error as Error).cause)}`,
      ).not.toContain('912');
    }
  });
});

describe('storable', () => {
  it('gives back what holds neither a NUL nor half a pair', () => {
    const value = { a: ['\ud83d\ude00', { b: 1, c: null }], 'd e': 'x\n' };
    expect(storable(value)).toBe(value);
  });

  it.each([
    ['a text', 'a\0', ['']],
    ['texts further in', { note: 'a\0', tags: ['x', '\0'] }, ['note', 'tags.1']],
    ['a name', { customFields: { 'b\0': 1 } }, ['customFields']],
    ['a text under a name of the client', { 'Ivan +79161234567': '\0' }, ['*']],
    ['halves of pairs', { note: 'a\ud800b', tags: ['\udc00'], 'x\ud800': 1 }, ['note', 'tags.0', '']],
  ])('refuses a NUL, or half a pair, in %s and tells where', (_name, value, paths) => {
    const errors = paths.map((path) => expect.objectContaining({ path, code: 'invalid-format' }) as unknown);
    expect(() => storable(value)).toThrow(expect.objectContaining({ code: 'validation-failed', options: { errors } }) as Error);
  });
});
