import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret } from '#kernel';
import type { Logger } from '#platform';
import { HttpTelephone } from './http-telephone.js';
import { LogTelephone } from './log-telephone.js';
import type { OutgoingCall } from './telephone.js';

const SECRET = new Secret('s'.repeat(32));
const NUMBER = '+79161234567';
const AT = new Date('2026-01-01T12:00:00.500Z');
const call: OutgoingCall = {
  callId: '00000000-0000-7000-8000-0000000000aa',
  number: new Secret(`${NUMBER};ext=12`),
  userId: '00000000-0000-7000-8000-0000000000bb',
  placedAt: AT.toISOString(),
};

/** Every line that was logged, as it would be written. */
const lines: string[] = [];
const write = (message: string, fields?: object): void => void lines.push(JSON.stringify([message, fields]));
const logger = { debug: write, info: write, warn: write, error: write, fatal: write } as unknown as Logger;

let server: Server;
let url: string;
let answer: number | 'nothing' = 200;
const posts: { headers: IncomingMessage['headers']; body: string }[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      posts.push({ headers: request.headers, body });
      if (answer === 'nothing') request.socket.destroy();
      else response.writeHead(answer, answer === 302 ? { location: '/elsewhere' } : {}).end(NUMBER);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/calls`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  answer = 200;
  lines.length = posts.length = 0;
});
afterEach(() => expect(lines.join()).not.toContain(NUMBER.slice(4, 10)));

const http = (over: { url?: string; allowPrivate?: boolean } = {}) =>
  new HttpTelephone({ url, secret: SECRET, allowPrivate: true, logger, now: () => AT, ...over });

describe.each([
  ['http', http],
  ['log', () => new LogTelephone(logger)],
])('every telephone (%s)', (_, telephone) => {
  it('takes a call, and logs no number', async () => {
    expect(await telephone().handOver(call)).toBe('taken');
  });
});

describe('a telephone system over HTTP', () => {
  it('is sent the number, signed with the time of sending', async () => {
    await http().handOver(call);
    const [post] = posts;
    const seconds = Math.floor(AT.getTime() / 1_000);
    const mac = createHmac('sha256', SECRET.expose()).update(`${seconds}.${post?.body}`).digest('hex');
    expect(post?.headers).toMatchObject({ 'palisade-signature': `t=${seconds},v1=${mac}`, 'content-type': 'application/json' });
    const { number: _, ...ids } = call;
    expect(JSON.parse(post?.body ?? '')).toEqual({ ...ids, number: NUMBER, extension: '12' });
  });

  it.each([
    [200, 'taken'],
    [204, 'taken'],
    [302, 'refused'],
    [400, 'refused'],
    [403, 'refused'],
    [408, 'no-answer'],
    [429, 'no-answer'],
    [503, 'no-answer'],
    ['nothing', 'no-answer'],
  ] as const)('that answers %s has %s', async (status, outcome) => {
    answer = status;
    expect(await http().handOver(call)).toBe(outcome);
    expect(posts).toHaveLength(1);
  });

  it('is not one on loopback or in a private network unless that is allowed, by number or by name', async () => {
    const { port } = new URL(url);
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '10.0.0.1', '169.254.169.254'])
      expect(await http({ url: `http://${host}:${port}/`, allowPrivate: false }).handOver(call)).toBe('refused');
    expect(posts).toEqual([]);
  });
});

it('without a telephone system the log tells the mask', async () => {
  await new LogTelephone(logger).handOver(call);
  expect(lines.join()).toContain('+7 *** ***-**-67');
});
