import { request } from 'node:http';
import { v7 as uuidv7 } from 'uuid';
import { SUBJECTS } from '#contracts';
import { publishFact } from '#messaging';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, PASSWORD, type Answer, type Person } from '../../test/gateway-fixture.js';

describe('a session in a cookie', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;
  const OWN = { 'sec-fetch-site': 'same-origin' };
  const signIn = (person: Person): Promise<Answer> =>
    fixture.call('POST', '/v1/sessions', { body: { email: person.email, password: PASSWORD, cookie: true } });
  /** The `Cookie` header that a browser would send from now on. */
  const cookieOf = (answer: Answer): string => {
    const [cookie = ''] = answer.headers['set-cookie'] as string[];
    expect(cookie).toMatch(/^__Host-palisade=pls_s_[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    return cookie.split(';')[0] as string;
  };
  const ask = (method: string, path: string, headers: Readonly<Record<string, string>>, body?: unknown): Promise<Answer> =>
    fixture.call(method, path, { headers, body });

  beforeAll(async () => {
    database = await testDatabase();
    broker = await isolatedBroker();
    fixture = await GatewayFixture.start({ database, broker });
    await fixture.gateway();
  });
  afterAll(async () => {
    await fixture.stop();
    await Promise.all([broker.remove(), database.drop()]);
  });

  it('is in the cookie alone, and there until signed out', async () => {
    const person = await fixture.person();
    const signedIn = await signIn(person);
    expect(signedIn.status).toBe(201);
    expect(Object.keys(signedIn.body).sort()).toEqual(['expiresAt', 'user']);
    const cookie = cookieOf(signedIn);
    const me = await ask('GET', '/v1/me', { cookie: `theme=dark; ${cookie}` });
    expect(me.body['user']).toMatchObject({ id: person.id });
    const out = await ask('DELETE', '/v1/sessions/current', { cookie, ...OWN });
    expect(out.status).toBe(204);
    expect(out.headers['set-cookie']).toEqual(['__Host-palisade=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0']);
    expect((await ask('GET', '/v1/me', { cookie })).status).toBe(401);
  });

  it('is cleared when it is ended by its id, and stays when another one is', async () => {
    const person = await fixture.person();
    const cookie = cookieOf(await signIn(person));
    await fixture.signIn(person);
    const { items } = (await ask('GET', '/v1/sessions', { cookie })).body as { items: { id: string; current: boolean }[] };
    const end = (current: boolean): Promise<Answer> =>
      ask('DELETE', `/v1/sessions/${items.find((one) => one.current === current)?.id ?? ''}`, { cookie, ...OWN });
    expect((await end(false)).headers['set-cookie']).toBeUndefined();
    expect((await end(true)).headers['set-cookie']).toHaveLength(1);
  });

  it.each([
    ['the same origin', { 'sec-fetch-site': 'same-origin' }, 404],
    ['the user himself', { 'sec-fetch-site': 'none' }, 404],
    ['another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sister site', { 'sec-fetch-site': 'same-site' }, 403],
    ['an unknown page', {}, 403],
    ['its own origin', { origin: 'http://crm.example.test', host: 'crm.example.test' }, 404],
    ['another origin', { origin: 'https://evil.test', host: 'crm.example.test' }, 403],
    ['an origin that is hidden', { origin: 'null', host: 'crm.example.test' }, 403],
  ])('changes something from %s', async (_, headers, status) => {
    const cookie = cookieOf(await signIn(await fixture.person()));
    const answer = await ask('DELETE', '/v1/sessions/00000000-0000-7000-8000-000000000000', { cookie, ...headers });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body['code']).toBe('cross-site-request');
  });

  it('reads nothing for a page of another site', async () => {
    const cookie = cookieOf(await signIn(await fixture.person()));
    expect((await ask('GET', '/v1/me', { cookie, 'sec-fetch-site': 'cross-site' })).body['code']).toBe('cross-site-request');
  });

  it('is refused before the body is read, and a dead one is no session at all', async () => {
    const cookie = cookieOf(await signIn(await fixture.person()));
    expect((await ask('PUT', '/v1/me/password', { cookie }, '{')).status).toBe(403);
    const dead = '__Host-palisade=pls_s_0000000000000000000000000000000000000000000';
    expect((await ask('PUT', '/v1/me/password', { cookie: dead }, '{')).status).toBe(401);
    expect((await ask('GET', '/v1/me', { cookie: `${cookie}; ${cookie}` })).status).toBe(401);
  });

  it('yields to an Authorization header, whatever that holds', async () => {
    const [one, other] = [await fixture.person(), await fixture.person()];
    const cookie = cookieOf(await signIn(one));
    const authorization = `Bearer ${await fixture.signIn(other)}`;
    const me = await ask('GET', '/v1/me', { cookie, authorization });
    expect(me.body['user']).toMatchObject({ id: other.id });
    expect((await ask('GET', '/v1/me', { cookie, authorization: 'Basic abc' })).status).toBe(401);
    const out = await ask('DELETE', '/v1/sessions/current', { cookie, authorization });
    expect(out.status).toBe(204);
    expect(out.headers['set-cookie']).toBeUndefined();
    expect((await ask('GET', '/v1/me', { cookie })).status).toBe(200);
  });

  it('holds no API token', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const made = await fixture.call('POST', '/v1/api-tokens', {
      token: await fixture.signIn(admin),
      body: { name: 'x', scopes: ['users:read'] },
    });
    expect((await ask('GET', '/v1/users', { cookie: `__Host-palisade=${String(made.body['token'])}` })).status).toBe(401);
  });

  it('opens a live stream, which ends with it', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const cookie = cookieOf(await signIn(admin));
    const stream = await openStream(cookie);
    expect(await stream.firstText).toBe(': still here\n\n');
    expect((await ask('DELETE', '/v1/sessions/current', { cookie, ...OWN })).status).toBe(204);
    const alarm = {
      id: uuidv7(),
      type: 'mass.deletion',
      severity: 'info',
      at: new Date().toISOString(),
      userId: null,
      message: 'x',
    };
    await publishFact(fixture.monitorBroker, SUBJECTS.alarm(alarm.type), alarm.id, alarm);
    await stream.ended;
  });

  async function openStream(cookie: string): Promise<{ firstText: Promise<string>; ended: Promise<void> }> {
    const { port } = new URL((await fixture.gateway()).url);
    return new Promise((resolve, reject) => {
      const headers = { cookie, accept: 'text/event-stream', ...OWN };
      const sent = request({ host: '127.0.0.1', port, path: '/v1/alerts/stream', headers, agent: false }, (response) => {
        if (response.statusCode !== 200) return reject(new Error(`the stream answered ${response.statusCode}`));
        const firstText = new Promise<string>((text) => response.once('data', (chunk: Buffer) => text(chunk.toString())));
        resolve({ firstText, ended: new Promise((ended) => response.on('close', () => ended())) });
      });
      sent.on('error', reject);
      sent.end();
    });
  }
});
