import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecuritySettings } from '#contracts';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, type Answer, type Person } from '../../test/gateway-fixture.js';
import { openApiDocument, type OpenApiDocument } from '../openapi/document.js';
import { API_VERSION } from '../openapi/openapi.controller.js';
import { openingAtOnce } from '../records/opening-at-once.js';
import { Records } from '../records/records.js';
import type { Who } from './request-context.js';

const DOCUMENT = join(import.meta.dirname, '..', '..', '..', '..', 'test', 'contracts', 'openapi.gen.json');

/** JSON with a line for each operation, so that a difference shows which one changed. */
function documentText({ paths, ...rest }: OpenApiDocument): string {
  const shown = Object.entries(paths).map(([path, methods]) => {
    const operations = Object.entries(methods).map(([method, operation]) => `"${method}": ${JSON.stringify(operation)}`);
    return `${JSON.stringify(path)}: {\n${operations.join(',\n')}\n}`;
  });
  const others = Object.entries(rest).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  return `{\n${[...others, `"paths": {\n${shown.join(',\n')}\n}`].join(',\n')}\n}\n`;
}

describe('every request', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;
  const me = (token: string, from?: string): Promise<Answer> =>
    fixture.call('GET', '/v1/me', { token, ...(from === undefined ? {} : { from }) });
  const allowList =
    (list: Partial<SecuritySettings['ipAllowList']>) =>
    (settings: SecuritySettings): SecuritySettings => ({
      ...settings,
      ipAllowList: { enabled: true, exemptAdmins: false, entries: [], ...list },
    });
  const entry = (cidr: string): { cidr: string; note: string } => ({ cidr, note: '' });
  const tokenOf = async (person: Person, body: object): Promise<Answer> =>
    fixture.call('POST', '/v1/api-tokens', { token: await fixture.signIn(person), body });

  beforeAll(async () => {
    database = await testDatabase();
    broker = await isolatedBroker();
    fixture = await GatewayFixture.start({ database, broker });
    await fixture.gateway({ PALISADE_TRUSTED_PROXIES: '127.0.0.2' });
  });
  afterAll(async () => {
    await fixture.stop();
    await Promise.all([broker.remove(), database.drop()]);
  });
  afterEach(() =>
    fixture.settings((settings) => ({ ...settings, ipAllowList: { enabled: false, exemptAdmins: true, entries: [] } })),
  );

  it.each([
    ['nothing', ''],
    ['another scheme', 'Basic pls_s_0000000000000000000000000000000000000000000'],
    ['an unknown token', 'Bearer pls_s_0000000000000000000000000000000000000000000'],
    ['a token in another case', 'Bearer PLS_S_0000000000000000000000000000000000000000000'],
  ])('is refused with %s', async (_, authorization) => {
    const answer = await fixture.call('GET', '/v1/me', { headers: { authorization } });
    expect(answer.status).toBe(401);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('meets an idle, an expired and an ended session as dead', async () => {
    const person = await fixture.person();
    for (const change of [
      `last_seen_at = now() - interval '31 minutes'`,
      `expires_at = now() - interval '1 second'`,
      `ended_at = now(), ended_reason = 'signed-out'`,
    ]) {
      const token = await fixture.signIn(person);
      expect((await me(token)).status).toBe(200);
      await fixture.own.query(`UPDATE access.sessions SET ${change} WHERE user_id = $1`, [person.id]);
      expect((await me(token)).status).toBe(401);
    }
  });

  it('notes that a session is used', async () => {
    const person = await fixture.person();
    const token = await fixture.signIn(person);
    await fixture.own.query(`UPDATE access.sessions SET last_seen_at = now() - interval '10 minutes' WHERE user_id = $1`, [
      person.id,
    ]);
    await me(token);
    const idle = async (): Promise<boolean> => {
      const { rows } = await fixture.own.query<{ idle: boolean }>(
        `SELECT last_seen_at < now() - interval '5 minutes' AS idle FROM access.sessions WHERE user_id = $1`,
        [person.id],
      );
      return rows[0]?.idle === true;
    };
    for (let attempt = 0; attempt < 50 && (await idle()); attempt += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await idle()).toBe(false);
  });

  it('meets a person deactivated, held or reactivated since at once', async () => {
    for (const change of [
      (person: Person) => fixture.standing(person, { status: 'deactivated' }),
      (person: Person) => fixture.hold(person),
      (person: Person) => fixture.standing(person, { epoch: 1 }),
    ]) {
      const person = await fixture.person();
      const token = await fixture.signIn(person);
      expect((await me(token)).status).toBe(200);
      await change(person);
      expect((await me(token)).status).toBe(401);
    }
  });

  it('meets a right taken away at once', async () => {
    const person = await fixture.person({ isAdmin: true });
    const token = await fixture.signIn(person);
    expect((await fixture.call('GET', '/v1/users', { token })).status).toBe(200);
    await fixture.core.query('UPDATE read.principals SET is_admin = false WHERE user_id = $1', [person.id]);
    await fixture.rightsChanged();
    expect((await fixture.call('GET', '/v1/users', { token })).body['code']).toBe('forbidden');
  });

  it('is refused from an address that is not on the list, and admitted once it is', async () => {
    const token = await fixture.signIn(await fixture.person());
    await fixture.settings(allowList({ entries: [entry('127.0.0.5')] }));
    expect((await me(token, '127.0.0.6')).body['code']).toBe('ip-not-allowed');
    expect((await me(token, '127.0.0.5')).status).toBe(200);
    await fixture.settings(allowList({ entries: [entry('127.0.0.0/24')] }));
    expect((await me(token, '127.0.0.6')).status).toBe(200);
    const { rows } = await fixture.own.query(`SELECT 1 FROM access.audit WHERE type = 'address.refused' AND ip = '127.0.0.6'`);
    expect(rows).toHaveLength(1);
  });

  it('of an empty list admits exempt administrators by session only', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const session = await fixture.signIn(admin);
    const apiToken = String((await tokenOf(admin, { name: 'x', scopes: ['users:read'] })).body['token']);
    const manager = await fixture.signIn(await fixture.person());
    await fixture.settings(allowList({ exemptAdmins: true }));
    expect((await me(session)).status).toBe(200);
    expect((await me(apiToken)).body['code']).toBe('ip-not-allowed');
    expect((await me(manager)).body['code']).toBe('ip-not-allowed');
    await fixture.settings(allowList({ exemptAdmins: false }));
    expect((await me(session)).body['code']).toBe('ip-not-allowed');
  });

  it('answers every sign-in from a refused address alike, save an exempt administrator', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const manager = await fixture.person();
    await fixture.settings(allowList({ exemptAdmins: true }));
    const attempt = async (email: string, password: string): Promise<unknown> =>
      (await fixture.call('POST', '/v1/sessions', { body: { email, password } })).body['code'];
    expect(await attempt('nobody@example.test', 'wrong')).toBe('ip-not-allowed');
    expect(await attempt(admin.email, 'wrong')).toBe('ip-not-allowed');
    await expect(fixture.signIn(manager)).rejects.toThrow('403');
    await fixture.signIn(admin);
  });

  it('believes X-Forwarded-For of a trusted proxy only', async () => {
    const token = await fixture.signIn(await fixture.person());
    await fixture.settings(allowList({ entries: [entry('9.9.9.9')] }));
    const through = async (from: string, header: string): Promise<number> =>
      (await fixture.call('GET', '/v1/me', { token, from, headers: { 'x-forwarded-for': header } })).status;
    expect(await through('127.0.0.6', '9.9.9.9')).toBe(403);
    expect(await through('127.0.0.2', '9.9.9.9')).toBe(200);
    expect(await through('127.0.0.2', '9.9.9.9, 8.8.8.8')).toBe(403);
    expect(await through('127.0.0.2', '9.9.9.9, unknown')).toBe(403);
  });

  it('of a token is held to its scopes, its addresses and its owner', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const made = await tokenOf(admin, { name: 'x', scopes: ['users:read'], cidrs: ['127.0.0.5'] });
    const token = String(made.body['token']);
    expect((await fixture.call('GET', '/v1/users', { token, from: '127.0.0.5' })).status).toBe(200);
    expect((await fixture.call('GET', '/v1/users', { token })).body['code']).toBe('ip-not-allowed');
    expect((await fixture.call('GET', '/v1/settings/security', { token, from: '127.0.0.5' })).body['code']).toBe('scope-missing');
    expect((await fixture.call('GET', '/v1/sessions', { token, from: '127.0.0.5' })).body['code']).toBe('scope-missing');
    await fixture.core.query('UPDATE read.principals SET is_admin = false WHERE user_id = $1', [admin.id]);
    await fixture.rightsChanged();
    expect((await fixture.call('GET', '/v1/users', { token, from: '127.0.0.5' })).body['code']).toBe('api-admins-only');
    await fixture.standing(admin, { epoch: 1 });
    expect((await fixture.call('GET', '/v1/users', { token, from: '127.0.0.5' })).status).toBe(401);
  });

  it('makes one token of a repeated request and shows it once', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const session = await fixture.signIn(admin);
    const make = (name: string): Promise<Answer> =>
      fixture.call('POST', '/v1/api-tokens', {
        token: session,
        body: { name, scopes: ['users:read'] },
        headers: { 'idempotency-key': 'once' },
      });
    const [first, again, other] = [await make('x'), await make('x'), await make('y')];
    expect(first.body['token']).toMatch(/^pls_t_/);
    expect(again.status).toBe(201);
    expect(again.body).toEqual({ ...first.body, token: undefined });
    expect(other.body['code']).toBe('idempotency-key-reused');
    const atOnce = await Promise.all(Array.from({ length: 6 }, () => make('x')));
    expect(atOnce.filter(({ body, status }) => status !== 409 && body['token'] !== undefined)).toEqual([]);
    // After seven days the key is free, once.
    await fixture.own.query(`UPDATE access.api_tokens SET created_at = created_at - interval '169 hours' WHERE id = $1`, [
      first.body['id'],
    ]);
    const [later, laterAgain] = [await make('y'), await make('y')];
    expect(later.body['token']).toMatch(/^pls_t_/);
    expect(later.body['id']).not.toBe(first.body['id']);
    expect(laterAgain.body).toEqual({ ...later.body, token: undefined });
  });

  it('of a card that is asked for plainly is decided in the statement that opens it, unless anything is not as it was', async () => {
    const { app, parts } = await fixture.gateway();
    const gateway = { app, parts, url: await app.getUrl(), stop: () => Promise.resolve() };
    const person = await fixture.person({ isAdmin: true });
    const token = await fixture.signIn(person, { gateway });
    const id: string = randomUUID();
    await fixture.core.query(
      `INSERT INTO read.contacts (id, name, search, created_at, updated_at, version) VALUES ($1, 'N', '', now(), now(), 1)`,
      [id],
    );
    const open = (path = id, call: object = {}): Promise<Answer> =>
      fixture.call('GET', `/v1/contacts/${path}`, { token, gateway, ...call });
    const opened = async (): Promise<unknown> =>
      (await fixture.monitor.query('SELECT FROM watch.disclosures WHERE user_id = $1', [person.id])).rowCount;
    const atOnce = openingAtOnce(parts.authentication, app.get(Records));
    const rules = {
      opens: 'contact',
      scope: 'contacts:read',
      right: { subject: 'contact', action: 'view' },
      servedByGate: true,
    } as const;
    const openAtOnce = (params = { id }, query = {}, more = {}): Promise<Who | null> => {
      const headers = { authorization: `Bearer ${token}`, ...more };
      const arrival = { requestId: randomUUID(), method: 'GET', headers, ip: '127.0.0.1', rules, action: null };
      return atOnce({ params, query, headers } as unknown as Parameters<typeof atOnce>[0], arrival);
    };

    // Nobody is presumed who was not let in before.
    expect([await openAtOnce(), await opened()]).toEqual([null, 0]);
    expect([(await open()).status, await opened()]).toEqual([200, 1]);
    expect((await openAtOnce())?.caller).toMatchObject({ userId: person.id, tokenId: null, ip: '127.0.0.1' });
    expect([(await open()).status, await opened()]).toEqual([200, 3]);
    // What is to be refused, or is not there, is left to the usual way.
    expect(await openAtOnce({ id: 'x' })).toBeNull();
    expect(await openAtOnce({ id: randomUUID() })).toBeNull();
    expect(await openAtOnce({ id }, { at: 'x' })).toBeNull();
    expect(await openAtOnce({ id }, {}, { purpose: 'prefetch' })).toBeNull();
    expect([(await open('x')).status, (await open(randomUUID())).status, (await open(`${id}?at=x`)).status]).toEqual([
      404, 404, 422,
    ]);
    expect((await open(id, { headers: { purpose: 'prefetch' } })).body['code']).toBe('prefetch-refused');
    expect(await opened()).toBe(3);

    const changes: [change: () => Promise<unknown>, answered: unknown, isAtOnce: boolean][] = [
      [() => fixture.rightsChanged(), 200, false],
      [() => fixture.settings(allowList({ entries: [entry('127.0.0.5')] })), 'ip-not-allowed', false],
      [() => fixture.settings(allowList({ enabled: false })), 200, false],
      // The gate refuses who is held, whatever else the statement looks at.
      [() => fixture.hold(person), 'view-limit-reached', true],
    ];
    for (const [n, [change, answered, isAtOnce]] of changes.entries()) {
      await change();
      const before = Number(await opened());
      const presumed = await openAtOnce();
      const answer = await open();
      expect([n, answer.body['code'] ?? answer.status, presumed !== null]).toEqual([n, answered, isAtOnce]);
      expect([n, await opened()]).toEqual([n, before + (answered === 200 ? 1 : 0)]);
    }
    await fixture.own.query(`UPDATE access.sessions SET ended_at = now(), ended_reason = 'signed-out' WHERE user_id = $1`, [
      person.id,
    ]);
    expect([await openAtOnce(), (await open()).status, (await open('x')).status]).toEqual([null, 401, 401]);
    expect(await opened()).toBe(5);
  });

  it('decides rights before it looks at the body', async () => {
    const manager = await fixture.signIn(await fixture.person());
    const huge = 'x'.repeat(2_000_000);
    expect((await fixture.call('PUT', '/v1/settings/security', { body: '{' })).status).toBe(401);
    expect((await fixture.call('PUT', '/v1/settings/security', { token: manager, body: '{' })).status).toBe(403);
    expect((await fixture.call('PUT', '/v1/settings/security', { token: manager, body: huge })).status).toBe(403);
  });

  it('is of a route of the document that is committed (write it anew with WRITE_DOCS=1)', async () => {
    const { parts } = await fixture.gateway();
    const text = documentText(openApiDocument(parts.routes.routes, API_VERSION));
    if (process.env['WRITE_DOCS'] === '1') writeFileSync(DOCUMENT, text);
    // Line by line: an operation is one, and the rest is no part of what differs.
    expect(text.split('\n')).toEqual(readFileSync(DOCUMENT, 'utf8').split('\n'));
  });

  it('of every documented route needs a session unless the document says that it is public', async () => {
    const [gateway] = [await fixture.gateway()];
    const document = openApiDocument(gateway.parts.routes.routes, 'test');
    expect(gateway.parts.routes.routes.length).toBeGreaterThan(25);
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.security?.length === 0) continue;
        const url = path.replace(/\{[^}]+\}/g, '00000000-0000-7000-8000-000000000000');
        const { status } = await fixture.call(method.toUpperCase(), url, { gateway });
        expect(`${method} ${path} ${status}`).toBe(`${method} ${path} 401`);
      }
    }
  });
});
