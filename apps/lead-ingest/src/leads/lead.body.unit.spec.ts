import fc from 'fast-check';
import { DomainError } from '#kernel';
import { readBody } from './lead.body.js';

const FORM = 'application/x-www-form-urlencoded';
const MULTIPART = 'multipart/form-data; boundary=b';
const read = async (body: string | Buffer, type: string | undefined): Promise<unknown> => {
  const parsed = await readBody(Buffer.from(body), type);
  return parsed.kind === 'json' ? parsed.value : Object.fromEntries(parsed.fields);
};
const codeOf = (body: string | Buffer, type: string | undefined): Promise<string> =>
  read(body, type).then(
    () => 'read',
    (error: unknown) => (error instanceof DomainError ? error.code : `thrown: ${String(error)}`),
  );
const part = (name: string, value: string, more = ''): string =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;

describe('a body', () => {
  it('is read from JSON, from a form, and from the parts of one', async () => {
    expect(await read('{"name":"Ю"}', 'application/json; charset=utf-8')).toEqual({ name: 'Ю' });
    expect(await read('name=%D0%AE+x&a=1&a=2&empty=', `${FORM}; charset=UTF-8`)).toEqual({ name: 'Ю x', a: '1, 2', empty: '' });
    expect(await read('name=Ю', FORM.toUpperCase())).toEqual({ name: 'Ю' });
    expect(await read(`${part('name', 'Ю')}${part('x[y]', 'a\r\nb')}--b--\r\n`, MULTIPART)).toEqual({
      name: 'Ю',
      'x[y]': 'a\r\nb',
    });
  });

  it('of parts is UTF-8, whatever charset a part names', async () => {
    const head = '--b\r\nContent-Disposition: form-data; name="name"\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\n';
    const body = Buffer.concat([Buffer.from(head), Buffer.from([0xde]), Buffer.from('\r\n--b--\r\n')]);
    expect(await codeOf(body, MULTIPART)).toBe('malformed-body');
  });

  it('has no files, but an empty choice of one', async () => {
    const file = part('f', '', '; filename=""\r\nContent-Type: application/octet-stream');
    expect(await read(`${part('name', 'x')}${file}--b--\r\n`, MULTIPART)).toEqual({ name: 'x' });
    expect(await codeOf(`${part('f', 'x', '; filename="a.txt"')}--b--\r\n`, MULTIPART)).toBe('validation-failed');
    expect(await codeOf(`${part('f', 'x', '; filename=""')}--b--\r\n`, MULTIPART)).toBe('validation-failed');
  });

  it.each([
    ['name=%ff', FORM, 'malformed-body'],
    [Buffer.from([0x61, 0x3d, 0xff]), FORM, 'malformed-body'],
    ['a=%ef%bf%bd', FORM, 'read'],
    ['', FORM, 'malformed-body'],
    ['a=%', FORM, 'read'],
    ['a=1', `${FORM}; charset=windows-1251`, 'unsupported-media-type'],
    ['a=1', 'text/plain', 'unsupported-media-type'],
    ['a=1', undefined, 'unsupported-media-type'],
    ['a=1', 'application/json', 'malformed-body'],
    [part('a', '1'), MULTIPART, 'malformed-body'],
    [`${part('a', '1')}--b--`, 'multipart/form-data', 'malformed-body'],
    [`${part('a', '1')}--b--`, 'multipart/form-data; boundary=other', 'malformed-body'],
    ['nothing of the kind', MULTIPART, 'malformed-body'],
    [part('a', '1').repeat(301) + '--b--', MULTIPART, 'validation-failed'],
    [Buffer.from(`${part('a', '\xff')}--b--`, 'latin1'), MULTIPART, 'malformed-body'],
  ])('%# is answered as documented', async (body, type, code) => {
    expect(await codeOf(body, type)).toBe(code);
  });

  it('of ever so many empty parts costs nothing', async () => {
    const began = process.cpuUsage();
    for (let times = 0; times < 20; times += 1)
      expect(await codeOf('--b\r\n'.repeat(13_000), MULTIPART)).toBe('validation-failed');
    const { user } = process.cpuUsage(began);
    // Parsed, one of them took 0.2 s and some megabytes.
    expect(user).toBeLessThan(1_000_000);
    expect(await codeOf(`${part('a', '1')}--b--`, 'multipart/form-data; boundary="b"; x=y')).toBe('read');
    expect(await codeOf(`${part('a', '1')}--b--`, 'multipart/form-data; boundary="b\\"')).toBe('malformed-body');
  });

  it('of any bytes is read or refused, by every parser', async () => {
    const types = fc.constantFrom(FORM, MULTIPART, 'application/json', `${FORM};charset=`, 'multipart/form-data; boundary="');
    const piece = fc.constantFrom(
      '--b',
      '\r\n',
      'Content-Disposition: form-data; name="a"',
      '\r\n\r\n',
      '--b--',
      '=',
      '&',
      '%',
      '"',
      ';',
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      fc
        .array(fc.oneof(piece, fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 30 })
        .map((all) => Buffer.from(all.join(''))),
    );
    await fc.assert(
      fc.asyncProperty(bytes, types, async (body, type) => {
        expect(await codeOf(body, type)).not.toMatch(/^thrown/);
      }),
      { numRuns: 500 },
    );
  });
});
