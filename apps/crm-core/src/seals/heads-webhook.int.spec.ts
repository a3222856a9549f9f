import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '#testing';
import { createLogger } from '#platform';
import { HeadsWebhook } from './heads-webhook.js';

const taken: string[] = [];
let status = 200;
let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (status === 200) taken.push(body);
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/heads`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  taken.length = 0;
  status = 200;
});

const logger = createLogger({ service: 'crm-core', instance: 'test', level: 'fatal' });
describe('the webhook of heads', () => {
  it('posts what it is offered, in order', async () => {
    const webhook = new HeadsWebhook(url, true, logger);
    for (const line of ['1', '2', '3']) webhook.offer(line);
    await until(() => taken.length === 3);
    expect(taken).toEqual(['1', '2', '3']);
  });

  it.each([500, 302])('keeps what was answered with %i and tries it with the next head', async (refusing) => {
    const webhook = new HeadsWebhook(url, true, logger);
    status = refusing;
    webhook.offer('1');
    await webhook.idle();
    status = 200;
    webhook.offer('2');
    await until(() => taken.length === 2);
    expect(taken).toEqual(['1', '2']);
  });

  it('goes to no loopback or private address unless that is allowed', async () => {
    const webhook = new HeadsWebhook(url.replace('127.0.0.1', 'localhost'), false, logger);
    webhook.offer('1');
    await webhook.idle();
    expect(taken).toEqual([]);
  });
});
