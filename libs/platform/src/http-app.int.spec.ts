import { Controller, Get, Module, Post, Req } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '#kernel';
import {
  closeWithin,
  createHttpApp,
  createLogger,
  HealthModule,
  mediaTypeOf,
  parseJsonBody,
  type HealthChecks,
  type Problem,
  type ProblemCatalogue,
} from './index.js';

const PLANTED = '+79123456789';
const entry = (status: number): { status: number; title: string; detail: string } => ({
  status,
  title: `title ${status}`,
  detail: `detail ${status}`,
});
const catalogue: ProblemCatalogue = {
  'not-found': entry(404),
  'method-not-allowed': entry(405),
  'body-too-large': entry(413),
  'unsupported-media-type': entry(415),
  'malformed-body': entry(400),
  'malformed-request': entry(400),
  'dependency-unavailable': entry(503),
  'validation-failed': entry(422),
  'too-many-attempts': entry(429),
  internal: entry(500),
};

@Controller()
class ThingsController {
  @Get('/things/:id')
  thing(): { ok: true } {
    return { ok: true };
  }

  @Post('/things')
  async make(@Req() request: FastifyRequest): Promise<unknown> {
    if (request.headers['authorization'] === undefined) throw new DomainError('not-found');
    return parseJsonBody(request.body as Buffer, mediaTypeOf(request));
  }

  @Get('/fail/:how')
  async fail(@Req() request: FastifyRequest): Promise<unknown> {
    if (request.url.endsWith('slow')) return sleep(300, { done: true });
    throw failures[request.url.split('/').at(-1) as string];
  }
}

const failures: Record<string, unknown> = {
  bug: Object.assign(new Error(`row ${PLANTED}`), { detail: PLANTED, body: PLANTED }),
  text: PLANTED,
  fields: new DomainError('validation-failed', { errors: [{ path: 'name', code: 'required', message: 'is missing' }] }),
  unknown: new DomainError('no-such-code', { detail: 'words' }),
  many: new DomainError('too-many-attempts', { retryAfterSeconds: 41.2 }),
  refused: Object.assign(new Error(PLANTED), { code: 'ECONNREFUSED' }),
};

@Module({ controllers: [ThingsController] })
class ThingsModule {}

describe('createHttpApp', () => {
  let app: NestFastifyApplication;
  let url: string;
  let log = '';
  const logger = createLogger({
    service: 'spec',
    instance: '1',
    level: 'debug',
    destination: { write: (line) => void (log += line) },
  });
  const checks: Record<string, () => Promise<unknown>> = { database: () => Promise.resolve(), broker: () => Promise.resolve() };
  const dispensable: Record<string, () => Promise<unknown>> = { mail: () => Promise.resolve() };

  beforeAll(async () => {
    const root = { module: ThingsModule, imports: [HealthModule.forRoot(checks as HealthChecks, dispensable as HealthChecks)] };
    app = await createHttpApp(root, { logger, catalogue, bodyLimit: 1_000 });
    await app.listen(0, '127.0.0.1');
    url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  });
  afterAll(() => closeWithin(app, 1_000));

  async function problemAt(path: string, init?: RequestInit): Promise<Problem & { response: Response; text: string }> {
    const response = await fetch(url + path, init);
    const text = await response.text();
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const problem = JSON.parse(text) as Problem;
    expect(problem.requestId).toBe(response.headers.get('x-request-id'));
    expect(problem.requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(problem.status).toBe(response.status);
    expect(text).not.toContain('9123456789');
    return { ...problem, response, text };
  }

  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): RequestInit => ({
    method: 'POST',
    body,
    headers: { authorization: 'x', ...headers },
  });

  it('answers with safe headers and an id of its own', async () => {
    const response = await fetch(`${url}/things/1`, { headers: { 'x-request-id': PLANTED } });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).not.toBe(PLANTED);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['bug', 500, 'internal'],
    ['text', 500, 'internal'],
    ['unknown', 500, 'internal'],
    ['fields', 422, 'validation-failed'],
    ['many', 429, 'too-many-attempts'],
    ['refused', 503, 'dependency-unavailable'],
  ])('turns %s into a problem', async (how, status, code) => {
    expect(await problemAt(`/fail/${how}`)).toMatchObject({ status, code });
    expect(log).not.toContain('9123456789');
  });

  it('carries fields and Retry-After', async () => {
    expect((await problemAt('/fail/fields')).errors).toEqual([{ path: 'name', code: 'required', message: 'is missing' }]);
    expect((await problemAt('/fail/many')).response.headers.get('retry-after')).toBe('42');
    expect((await problemAt('/fail/refused')).response.headers.get('retry-after')).toBe('1');
    expect((await problemAt('/fail/bug')).response.headers.get('retry-after')).toBeNull();
  });

  it.each([
    ['/nowhere', 'GET', 404, 'not-found'],
    [`/nowhere?phone=${PLANTED}`, 'POST', 404, 'not-found'],
    [`/${encodeURIComponent(PLANTED)}/%zz`, 'GET', 404, 'not-found'],
    [`/things/${'9'.repeat(200)}`, 'GET', 404, 'not-found'],
    ['/things/1', 'DELETE', 405, 'method-not-allowed'],
  ])('echoes nothing of %s', async (path, method, status, code) => {
    expect(await problemAt(path, { method })).toMatchObject({ status, code });
  });

  it('has no HEAD', async () => {
    const response = await fetch(`${url}/things/1`, { method: 'HEAD' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET');
  });

  it('judges bodies after rights', async () => {
    expect(await problemAt('/things', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } })).toMatchObject({
      status: 404,
    });
    expect(await problemAt('/things', post('{}', { 'content-type': 'text/plain' }))).toMatchObject({ status: 415 });
    expect(await problemAt('/things', post('{}', { 'content-type': '/' }))).toMatchObject({ status: 415 });
    expect(await problemAt('/things', post(new Uint8Array([123, 125])))).toMatchObject({ status: 415 });
    const packed = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    expect(await problemAt('/things', post('{}', packed))).toMatchObject({ status: 415 });
    expect(await problemAt('/things', post(`{"a": ${PLANTED}}`, { 'content-type': 'application/json' }))).toMatchObject({
      status: 400,
    });
    expect(await problemAt('/things', post('', { 'content-type': 'application/json' }))).toMatchObject({ status: 400 });
    expect(await problemAt('/things', post(PLANTED.repeat(200), { 'content-type': 'application/json' }))).toMatchObject({
      status: 413,
    });
    const good = await fetch(`${url}/things`, post('{"a":1}', { 'content-type': 'application/json' }));
    expect([good.status, await good.json()]).toEqual([201, { a: 1 }]);
  });

  it.each([
    ['that is broken', `GET /${PLANTED} NONSENSE\r\n\r\n`],
    ['without a host', 'GET /things/1 HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['with too many headers', `GET /things/1 HTTP/1.1\r\nHost: x\r\nx: ${PLANTED.repeat(2_000)}\r\n\r\n`],
  ])('answers a request %s with a problem, and echoes nothing', async (_, request) => {
    const answer = await raw(request);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400/);
    expect(head).toMatch(/^content-type: application\/problem\+json$/m);
    expect(JSON.parse(body)).toMatchObject({ status: 400, code: 'malformed-request', requestId: expect.any(String) as string });
    expect(answer).not.toContain('9123456789');
  });

  it('tells live from ready, and what is down by name', async () => {
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    const ready = async (): Promise<[number, unknown]> => {
      const answer = await fetch(`${url}/health/ready`);
      return [answer.status, await answer.json()];
    };
    expect(await ready()).toEqual([200, { status: 'ready', checks: { database: 'up', broker: 'up', mail: 'up' } }]);
    dispensable['mail'] = () => Promise.reject(new Error('away'));
    expect(await ready()).toEqual([200, { status: 'degraded', checks: { database: 'up', broker: 'up', mail: 'down' } }]);
    checks['broker'] = () => new Promise(() => undefined);
    const started = Date.now();
    const response = await fetch(`${url}/health/ready`);
    expect([response.status, await response.json()]).toEqual([
      503,
      { status: 'not-ready', checks: { database: 'up', broker: 'down', mail: 'down' } },
    ]);
    expect(Date.now() - started).toBeLessThan(1_000);
    checks['broker'] = () => Promise.resolve();
  });

  it('gives metrics to this machine, not through a proxy', async () => {
    const response = await fetch(`${url}/metrics`);
    expect(await response.text()).toContain('process_resident_memory_bytes');
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'x-forwarded-host', 'x-forwarded-proto'])
      expect([name, (await fetch(`${url}/metrics`, { headers: { [name]: '127.0.0.1' } })).status]).toEqual([name, 404]);
    const open = await createHttpApp(
      { module: ThingsModule, imports: [HealthModule.forRoot({})] },
      { logger, catalogue, metricsAnywhere: true },
    );
    await open.listen(0, '127.0.0.1');
    const answer = await fetch(`${await open.getUrl()}/metrics`, { headers: { 'x-forwarded-for': '127.0.0.1' } });
    await open.close();
    expect(answer.status).toBe(200);
  });

  it('finishes what is in flight and then closes', async () => {
    const other = await createHttpApp(ThingsModule, { logger, catalogue });
    await other.listen(0, '127.0.0.1');
    const slow = fetch(`${await other.getUrl()}/fail/slow`);
    await sleep(50);
    const started = Date.now();
    await closeWithin(other, 2_000);
    expect(Date.now() - started).toBeLessThan(1_000);
    expect((await slow).status).toBe(200);
  });

  function raw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text));
      socket.on('data', (chunk) => (answer += chunk.toString()));
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
    });
  }
});
