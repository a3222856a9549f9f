import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { HttpClient, refusedRequests, testDatabase } from './index.js';
import { effectsOf } from './refusals.js';

describe('testDatabase', () => {
  it('gives each its own, and removes it', async () => {
    const [one, two] = await Promise.all([testDatabase('empty'), testDatabase('empty')]);
    const pool = new pg.Pool({ connectionString: one.coreUrl });
    pool.on('error', () => undefined);
    await pool.query('CREATE TABLE es.mine (x int)');
    const other = new pg.Client({ connectionString: two.coreUrl });
    await other.connect();
    await expect(other.query('SELECT FROM es.mine')).rejects.toMatchObject({ code: '42P01' });
    await other.end();
    await Promise.all([one.drop(), two.drop()]);
    await expect(pool.query('SELECT 1')).rejects.toBeDefined();
    await pool.end();
  });
});

describe('testDatabase with the services’ migrations', () => {
  it('has run them', async () => {
    const database = await testDatabase();
    const client = new pg.Client({ connectionString: database.coreUrl });
    await client.connect();
    await expect(client.query('SELECT count(*) FROM es.events')).resolves.toMatchObject({ rows: [{ count: '0' }] });
    await client.end();
    await database.drop();
  });
});

describe('HttpClient', () => {
  let server: Server;
  let client: HttpClient;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/stream') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': hello\n\nid: 1\nevent: alarm\ndata: {"a":1}\n\nda');
        setTimeout(() => response.end('ta: two\ndata: lines\n\n'), 20);
        return;
      }
      response.writeHead(request.method === 'POST' ? 201 : 418, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ method: request.method, authorization: request.headers.authorization, token: 'pls_s_x' }));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    client = new HttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('keeps status, headers and body, and carries the token', async () => {
    const signedIn = await client.signIn('a@b.test', 'secret');
    const answer = await signedIn.get('/v1/me');
    expect(answer.status).toBe(418);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.body).toMatchObject({ method: 'GET', authorization: 'Bearer pls_s_x' });
  });

  it('reads events as they come, split anywhere', async () => {
    const stream = await client.events('/stream');
    expect(await stream.next()).toEqual({ id: '1', event: 'alarm', data: '{"a":1}' });
    expect(await stream.next()).toEqual({ event: 'message', data: 'two\nlines' });
    await stream.ended;
    await expect(stream.next(50)).rejects.toThrow('ended');
  });
});

describe('a refusal that changed something after all', () => {
  it('is found by the request that its event names, and no other', async () => {
    const [refused, accepted] = [randomUUID(), randomUUID()];
    const server = createServer((request, response) => {
      const isRefused = request.url === '/refused';
      response.writeHead(isRefused ? 403 : 200, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ requestId: isRefused ? refused : accepted }));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = new HttpClient(url);
    await Promise.all([client.get('/refused'), client.get('/accepted')]);
    server.closeAllConnections();
    server.close();
    expect(refusedRequests([url])).toEqual([refused]);

    const database = await testDatabase();
    expect(await effectsOf([refused], database.superuserUrl)).toEqual([]);
    const core = new pg.Client({ connectionString: database.coreUrl });
    await core.connect();
    const append = (correlationId: string, stream: string) => {
      const events = [{ id: randomUUID(), s: 1, k: 1, type: 'Done', v: 1, data: {}, metadata: { correlationId } }];
      return core.query(`SELECT es.append('{}', ARRAY[$1], '{0}', $2::jsonb, NULL)`, [stream, JSON.stringify(events)]);
    };
    await append(accepted, 'thing-one');
    await append(refused, 'thing-two');
    await core.end();
    expect(await effectsOf([refused], database.superuserUrl)).toEqual([
      { requestId: refused, type: 'Done', stream: 'thing-two' },
    ]);
    await database.drop();
  });
});
