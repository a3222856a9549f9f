import { randomUUID } from 'node:crypto';
import type { SecuritySettings } from '#contracts';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, PASSWORD, type Answer, type Person } from '../../test/gateway-fixture.js';
import type { OpenApiDocument } from '../openapi/document.js';
import { SCOPES, type Scope } from '../requests/scopes.js';

const [OFFICE, ELSEWHERE] = ['127.0.0.5', '127.0.0.6'];

describe('an API token', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;
  let owner: Person;
  let session: string;

  beforeAll(async () => {
    database = await testDatabase();
    broker = await isolatedBroker();
    fixture = await GatewayFixture.start({ database, broker });
    await fixture.gateway();
  });
  beforeEach(async () => {
    owner = await fixture.person({ isAdmin: true });
    session = await fixture.signIn(owner);
  });
  afterAll(async () => {
    await fixture.stop();
    await Promise.all([broker.remove(), database.drop()]);
  });

  const make = (body: object, headers: Record<string, string> = {}): Promise<Answer> =>
    fixture.call('POST', '/v1/api-tokens', { token: session, body: { name: 'Token', scopes: ['users:read'], ...body }, headers });
  const made = async (body: object = {}): Promise<{ id: string; token: string }> => {
    const answer = await make(body);
    if (answer.status !== 201) throw new Error(`made with ${answer.status}`);
    return { id: String(answer.body['id']), token: String(answer.body['token']) };
  };
  const use = async (token: string, from = '127.0.0.1'): Promise<string> => {
    const { status, body } = await fixture.call('GET', '/v1/users', { token, from });
    return status === 200 ? '200' : `${status} ${String(body['code'])}`;
  };
  const count = async (): Promise<number> => {
    const { rows } = await fixture.own.query<{ count: number }>('SELECT count(*)::int AS count FROM access.api_tokens');
    return rows[0]?.count ?? -1;
  };
  const allowed =
    (...cidrs: string[]) =>
    (settings: SecuritySettings): SecuritySettings => ({
      ...settings,
      ipAllowList: { enabled: cidrs.length > 0, exemptAdmins: true, entries: cidrs.map((cidr) => ({ cidr, note: '' })) },
    });

  it.each<[string, object, string[]]>([
    ['an unknown scope', { scopes: ['users:read', 'users:delete'] }, ['scopes.1']],
    ['a scope in another case', { scopes: ['Users:Read'] }, ['scopes.0']],
    ['no scope', { scopes: [] }, ['scopes']],
    ['a scope for everything', { scopes: ['*'] }, ['scopes.0']],
    ['addresses that are none', { cidrs: [OFFICE, '010.0.0.1', '10.0.0.1/8', '::/0'] }, ['cidrs.1', 'cidrs.2', 'cidrs.3']],
    ['an end that was', { expiresAt: '2020-01-01T00:00:00Z' }, ['expiresAt']],
    ['an end that is no time', { expiresAt: 'tomorrow' }, ['expiresAt']],
    ['an end without a zone', { expiresAt: '2999-01-01T00:00:00' }, ['expiresAt']],
    ['no name', { name: ' ' }, ['name']],
    ['a name with a NUL', { name: 'a\u0000b' }, ['name']],
    ['an owner', { userId: randomUUID() }, ['']],
  ])('is not made with %s, and what is wrong is named', async (_, body, paths) => {
    const before = await count();
    const answer = await make(body, { 'idempotency-key': randomUUID() });
    expect(answer.status).toBe(422);
    const errors = answer.body['errors'] as { path: string }[];
    expect([...new Set(errors.map(({ path }) => path))]).toEqual(paths);
    expect(await count()).toBe(before);
  });

  it('is kept with its addresses in one spelling, each scope once, and shown without what it is', async () => {
    const cidrs = ['2001:DB8:0::/32', `::ffff:${OFFICE}`, '::ffff:10.0.0.0/104'];
    const answer = await make({ scopes: ['users:read', 'users:read'], cidrs, expiresAt: '2999-01-01T03:00:00+03:00' });
    const kept = {
      scopes: ['users:read'],
      cidrs: ['2001:db8::/32', OFFICE, '10.0.0.0/8'],
      expiresAt: '2999-01-01T00:00:00.000Z',
    };
    expect(answer.body).toMatchObject(kept);
    const { body } = await fixture.call('GET', '/v1/api-tokens', { token: session });
    expect(body['items']).toEqual([{ ...kept, id: answer.body['id'], name: 'Token', createdAt: expect.any(String) as unknown }]);
    const stored = await fixture.own.query('SELECT t::text AS row FROM access.api_tokens t WHERE id = $1', [answer.body['id']]);
    expect(JSON.stringify(stored.rows)).not.toContain(String(answer.body['token']).slice(6));
  });

  it('ends with its time, and a repeat of its making is answered still', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const body = { expiresAt: new Date(Date.now() + 60_000).toISOString() };
    const first = await make(body, key);
    expect(await use(String(first.body['token']))).toBe('200');
    await fixture.own.query(`UPDATE access.api_tokens SET expires_at = clock_timestamp() WHERE id = $1`, [first.body['id']]);
    expect(await use(String(first.body['token']))).toBe('401 unauthenticated');
    const past = { expiresAt: new Date(Date.now() - 60_000).toISOString() };
    await fixture.own.query('UPDATE access.api_tokens SET expires_at = $2 WHERE id = $1', [first.body['id'], past.expiresAt]);
    const again = await make(past, key);
    expect([again.status, again.body]).toEqual([201, { ...first.body, ...past, token: undefined }]);
  });

  it('is held to the list of the company and to its own, however exempt its owner is', async () => {
    const [free, bound] = [await made(), await made({ cidrs: [OFFICE] })];
    const seen = (): Promise<string[]> =>
      Promise.all([use(free.token, OFFICE), use(free.token, ELSEWHERE), use(bound.token, OFFICE), use(bound.token, ELSEWHERE)]);
    const refused = '403 ip-not-allowed';
    expect(await seen()).toEqual(['200', '200', '200', refused]);
    await fixture.settings(allowed(ELSEWHERE));
    expect(await seen()).toEqual([refused, '200', refused, refused]);
    expect((await fixture.call('GET', '/v1/users', { token: session, from: OFFICE })).status).toBe(200);
    await fixture.settings(allowed(OFFICE));
    expect(await seen()).toEqual(['200', refused, '200', refused]);
    await fixture.settings(allowed());
  });

  it('dies with its owner, and does not come back with him', async () => {
    for (const end of [
      () => fixture.hold(owner),
      () => fixture.standing(owner, { status: 'deactivated' }),
      () => fixture.standing(owner, { epoch: 1 }),
    ]) {
      owner = await fixture.person({ isAdmin: true });
      session = await fixture.signIn(owner);
      const { token } = await made();
      expect(await use(token)).toBe('200');
      await end();
      expect(await use(token)).toBe('401 unauthenticated');
      await fixture.standing(owner, { status: 'active', epoch: 2 });
      expect(await use(token)).toBe('401 unauthenticated');
    }
  });

  it('is made by those who hold the right, and ended by its owner alone', async () => {
    const { id, token } = await made();
    const stranger = await fixture.signIn(await fixture.person());
    const tried = await fixture.call('POST', '/v1/api-tokens', { token: stranger, body: '{' });
    expect([tried.status, tried.body['code']]).toEqual([403, 'forbidden']);
    for (const other of [stranger, await fixture.signIn(await fixture.person({ isAdmin: true }))])
      expect((await fixture.call('DELETE', `/v1/api-tokens/${id}`, { token: other })).status).toBe(404);
    expect(await use(token)).toBe('200');
    expect((await fixture.call('DELETE', `/v1/api-tokens/${id}`, { token: session })).status).toBe(204);
    expect(await use(token)).toBe('401 unauthenticated');
    expect((await fixture.call('DELETE', `/v1/api-tokens/${id}`, { token: session })).status).toBe(404);
  });

  it('reaches the routes of its scopes and no other, by the document', async () => {
    const document = (await fixture.call('GET', '/openapi.json')).body as unknown as OpenApiDocument;
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { description = '' }]) => ({
        ...{ method: method.toUpperCase(), path, url: path.replaceAll(/\{\w+\}/g, randomUUID()) },
        scope: /Scope: (\S+)\./.exec(description)?.[1],
        sessionsOnly: description.includes('Sessions only.'),
      })),
    );
    const { token: every } = await made({ scopes: SCOPES });
    const without = new Map<string, string>();
    for (const scope of SCOPES) without.set(scope, (await made({ scopes: SCOPES.filter((other) => other !== scope) })).token);
    const code = async (method: string, url: string, token: string): Promise<unknown> => {
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: '{' };
      return (await fixture.call(method, url, { token, ...body })).body['code'];
    };
    const unexpected: unknown[] = [];
    for (const { method, path, url, scope, sessionsOnly } of routes) {
      if (sessionsOnly && (await code(method, url, every)) !== 'scope-missing') unexpected.push([method, path, 'takes a token']);
      if (scope === undefined) continue;
      if (!SCOPES.includes(scope as Scope)) unexpected.push([method, path, 'an unknown scope']);
      if ((await code(method, url, without.get(scope) ?? '')) !== 'scope-missing')
        unexpected.push([method, path, 'needs no scope']);
      // Streams stay open: that they are reached is tried elsewhere.
      if (!path.endsWith('/stream') && (await code(method, url, every)) === 'scope-missing')
        unexpected.push([method, path, 'not reached']);
    }
    expect(unexpected).toEqual([]);
    // Tokens, sessions and passwords are for the person himself.
    expect(routes.filter(({ sessionsOnly }) => sessionsOnly).map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining([
        ...['GET /v1/api-tokens', 'POST /v1/api-tokens', 'DELETE /v1/api-tokens/{id}', 'PUT /v1/me/password'],
        ...['GET /v1/sessions', 'DELETE /v1/sessions/current', 'DELETE /v1/sessions/{id}'],
      ]),
    );
    // What destroys or goes back over many records is not among what writes one.
    const scopeOf = (name: string): unknown => routes.find(({ method, path }) => `${method} ${path}` === name)?.scope;
    expect(scopeOf('POST /v1/contacts/{id}/erase')).toBe('records:erase');
    expect(scopeOf('POST /v1/users/{id}/rewind')).toBe('records:rewind');
  });

  it('sets nobody’s password', async () => {
    const { token } = await made({ scopes: ['users:read', 'users:write'] });
    const other = await fixture.person();
    const answer = await fixture.call('PATCH', `/v1/users/${other.id}`, { token, body: { password: 'another long password' } });
    expect([answer.status, answer.body['code']]).toEqual([403, 'scope-missing']);
    const signedIn = await fixture.call('POST', '/v1/sessions', { body: { email: other.email, password: PASSWORD } });
    expect(signedIn.status).toBe(201);
  });
});
