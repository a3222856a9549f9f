import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret } from '#kernel';
import { isPublic, NotPublic, publicOnly, targetFault } from './post-target.js';
import { post, PostFailed, signatureOf } from './signed-post.js';

interface Taken {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
const taken: Taken[] = [];
let answer: number | 'nothing' = 200;
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      taken.push({ url: request.url, headers: request.headers, body });
      if (answer === 'nothing') return;
      response.writeHead(answer, answer >= 300 && answer < 400 ? { location: '/elsewhere' } : {}).end('an answer');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  taken.length = 0;
  answer = 200;
});

const url = (host = '127.0.0.1'): string => `http://${host}:${port}/hook?a=b`;
const sent = (options: { host?: string; allowPrivate?: boolean; timeoutMs?: number } = {}): Promise<number> =>
  post(url(options.host), '{"a":"й"}', { allowPrivate: options.allowPrivate ?? true, timeoutMs: options.timeoutMs ?? 3_000 });
const faultOf = async (posting: Promise<number>): Promise<unknown> => {
  const error: unknown = await posting.then(
    () => new Error('it was taken'),
    (failure: unknown) => failure,
  );
  if (!(error instanceof PostFailed)) throw error;
  return error.status === null ? error.fault : [error.fault, error.status];
};

/** Spellings of loopback and private addresses that readers of addresses take differently. */
const PRIVATE = [
  ...['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0177.0.0.1', '127.0.0.1.', '0.0.0.0', '0', '10.0.0.1', '172.16.0.1'],
  ...['192.168.1.1', '169.254.169.254', '100.64.0.1', '224.0.0.1', '255.255.255.255', 'localhost', 'localhost.', 'LOCALHOST'],
  ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]'],
  ...['[fe80::1]', '[fc00::1]', '[fec0::1]', '[ff02::1]', '[::ffff:0:127.0.0.1]', '[2001:db8::1]'],
];

describe('a POST', () => {
  it('is taken with its body and headers', async () => {
    await expect(
      post(url(), '{"a":"й"}', { allowPrivate: true, timeoutMs: 3_000, headers: { 'palisade-signature': 's' } }),
    ).resolves.toBe(200);
    expect(taken).toEqual([{ url: '/hook?a=b', headers: expect.anything() as unknown, body: '{"a":"й"}' }]);
    expect(taken[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'palisade-signature': 's' });
  });

  it.each([301, 302, 307, 308, 404, 410, 500, 503])('is not taken by an answer of %i, and follows nothing', async (status) => {
    answer = status;
    expect(await faultOf(sent())).toEqual(['answered', status]);
    expect(taken.map(({ url: path }) => path)).toEqual(['/hook?a=b']);
  });

  it('waits so long for an answer and no longer', async () => {
    answer = 'nothing';
    expect(await faultOf(sent({ timeoutMs: 100 }))).toBe('timeout');
  });

  it('says nothing of its target when nobody listens', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const free = (closed.address() as AddressInfo).port;
    await new Promise((resolve) => closed.close(resolve));
    const posting = post(`http://127.0.0.1:${free}/`, '{}', { allowPrivate: true, timeoutMs: 3_000 });
    await expect(posting).rejects.toThrow(/^the target was not reached$/);
  });

  it.each(PRIVATE)('to %s is refused, when it is looked at and when it is sent', async (host) => {
    expect(await targetFault(url(host), false)).toBe('not-public');
    expect(await faultOf(sent({ host, allowPrivate: false }))).toBe('not-public');
    expect(await targetFault(url(host), true)).toBeNull();
    expect(taken).toEqual([]);
  });
});

it('a name is judged by what it is at the moment of connecting', async () => {
  const connecting = new Promise((resolve) => publicOnly('localhost', { all: true }, (error) => resolve(error)));
  expect(await connecting).toBeInstanceOf(NotPublic);
});

describe('a target', () => {
  it.each([
    ['nothing', ''],
    ['no URL', 'example.com/hook'],
    ['another scheme', 'ftp://example.com/'],
    ['a file', 'file:///etc/passwd'],
    ['a login', 'https://me:secret@example.com/'],
    ['a name alone', 'https://me@example.com/'],
    ['a fragment', 'https://93.184.215.14/#part'],
    ['too long a path', `https://93.184.215.14/${'a'.repeat(2_000)}`],
  ])('is not %s', async (_, target) => {
    expect(await targetFault(target, true)).toBe('malformed');
  });

  it('is any public address, and a name that nobody knows yet', async () => {
    for (const target of ['https://93.184.215.14/', 'http://[2606:4700::1111]:8080/a?b=c', 'https://name.invalid/'])
      expect([target, await targetFault(target, false)]).toEqual([target, null]);
    expect(['93.184.215.14', '2606:4700::1111', '::ffff:93.184.215.14'].map(isPublic)).toEqual([true, true, true]);
  });
});

it('a signature is made of time and body as the contract has it', () => {
  const secret = new Secret('whsec');
  const mac = createHmac('sha256', 'whsec').update('1700000000.{"a":"й"}', 'utf8').digest('hex');
  expect(signatureOf(secret, '{"a":"й"}', new Date(1_700_000_000_999))).toBe(`t=1700000000,v1=${mac}`);
});
