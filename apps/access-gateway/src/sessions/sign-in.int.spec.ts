import { eventually, isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import type { Gateway } from '../gateway.js';
import { GatewayFixture, PASSWORD, type Answer, type Call, type Person } from '../../test/gateway-fixture.js';

/** Everything of an answer that its receiver can tell from another, but the request's own id and the time. */
function lookOf({ status, headers, body }: Answer): string {
  return JSON.stringify({ status, headers: { ...headers, date: '', 'x-request-id': '' }, body: { ...body, requestId: '' } });
}

describe('signing in', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;
  let gateway: Gateway;
  const attempt = (email: string, password: string, call: Call = {}): Promise<Answer> =>
    fixture.call('POST', '/v1/sessions', { ...call, body: { email, password } });
  const failures = async (count: number, email: string, call: Call): Promise<number[]> => {
    const statuses: number[] = [];
    for (let index = 0; index < count; index += 1) statuses.push((await attempt(email, 'a wrong password', call)).status);
    return statuses;
  };

  const accept = (token: string, password: string): Promise<Answer> =>
    fixture.call('POST', `/v1/invitations/${token}`, { body: { password } });
  const invite = async (person: Person): Promise<string> => {
    const { credentials, database: store } = gateway.parts;
    return store.transaction((trx) => credentials.invite(trx, person.id));
  };
  const invited = async (): Promise<{ person: Person; token: string }> => {
    const person = await fixture.person({ hasPassword: false });
    return { person, token: await invite(person) };
  };

  beforeAll(async () => {
    database = await testDatabase();
    broker = await isolatedBroker();
    fixture = await GatewayFixture.start({ database, broker });
    gateway = await fixture.gateway();
  });
  afterAll(async () => {
    await fixture.stop();
    await Promise.all([broker.remove(), database.drop()]);
  });

  it('opens a session that lives until it is ended', async () => {
    const person = await fixture.person();
    const token = await fixture.signIn(person);
    const me = await fixture.call('GET', '/v1/me', { token });
    expect(me.body['user']).toMatchObject({ id: person.id, email: person.email, isAdmin: false });
    expect((await fixture.call('DELETE', '/v1/sessions/current', { token })).status).toBe(204);
    expect((await fixture.call('GET', '/v1/me', { token })).body['code']).toBe('unauthenticated');
  });

  it('takes the name in any case', async () => {
    const person = await fixture.person();
    expect((await attempt(person.email.toUpperCase(), PASSWORD)).status).toBe(201);
  });

  it('answers alike to unknown names, wrong passwords and deactivated people', async () => {
    const person = await fixture.person();
    const gone = await fixture.person();
    await fixture.standing(gone, { status: 'deactivated' });
    const answers = await Promise.all([
      attempt('nobody@example.test', 'a wrong password'),
      attempt(person.email, 'a wrong password'),
      attempt(gone.email, 'a wrong password'),
      attempt((await fixture.person({ hasPassword: false })).email, 'a wrong password'),
      attempt('', ''),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
    expect(new Set(answers.map(lookOf)).size).toBe(1);
    expect((await attempt(gone.email, PASSWORD)).body['code']).toBe('account-deactivated');
  });

  it('tells a held person with the right password that he is deactivated', async () => {
    const person = await fixture.person();
    await fixture.hold(person);
    expect((await attempt(person.email, PASSWORD)).body['code']).toBe('account-deactivated');
  });

  it('refuses guesses after 20 failures, and counts failures only', async () => {
    const from = '127.0.1.1';
    const person = await fixture.person();
    const other = await fixture.person();
    for (let index = 0; index < 25; index += 1) await fixture.signIn(other, { from });
    expect(await failures(20, person.email, { from })).toEqual(Array.from({ length: 20 }, () => 401));
    const refused = await attempt(person.email, PASSWORD, { from });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    // The address is spent for names it does not know, not for those that have signed in from it.
    expect((await attempt('nobody@example.test', 'x', { from })).status).toBe(429);
    expect((await attempt(other.email, PASSWORD, { from })).status).toBe(201);
  });

  it('lets an administrator in from elsewhere while strangers guess', async () => {
    const admin = await fixture.person({ isAdmin: true });
    await failures(21, admin.email, { from: '127.0.1.2' });
    expect((await attempt(admin.email, PASSWORD, { from: '127.0.1.2' })).status).toBe(429);
    expect((await attempt(admin.email, PASSWORD, { from: '127.0.1.3' })).status).toBe(201);
  });

  it('slows guesses at one account from many addresses, save where its owner has signed in', async () => {
    const person = await fixture.person();
    await fixture.signIn(person, { from: '127.0.1.4' });
    for (let index = 0; index < 20; index += 1) await attempt(person.email, 'wrong', { from: `127.0.2.${index + 1}` });
    expect((await attempt(person.email, PASSWORD, { from: '127.0.2.200' })).status).toBe(429);
    expect((await attempt(person.email, PASSWORD, { from: '127.0.1.4' })).status).toBe(201);
  });

  it('judges 20 wrong guesses and no more, however many come at once and at whatever gateways', async () => {
    const person = await fixture.person();
    const other = await fixture.gateway();
    const guesses = Array.from({ length: 60 }, (_, index) =>
      attempt(person.email, 'wrong', { from: '127.0.1.5', ...(index % 2 === 0 ? {} : { gateway: other }) }),
    );
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
  });

  it('keeps no administrator out, however many strangers guess at him from wherever', async () => {
    const admin = await fixture.person({ isAdmin: true });
    await fixture.signIn(admin, { from: '127.0.4.250' });
    for (let stranger = 1; stranger <= 30; stranger += 1) {
      const from = `127.0.4.${stranger}`;
      await Promise.all([1, 2, 3].map(() => attempt(admin.email, 'wrong', { from })));
    }
    // Strangers at his own address spend it for names that it does not know.
    for (let index = 0; index < 20; index += 1) await attempt(`nobody-${index}@example.test`, 'wrong', { from: '127.0.4.250' });
    expect((await attempt(admin.email, PASSWORD, { from: '127.0.4.250' })).status).toBe(201);
    expect((await attempt(admin.email, PASSWORD, { from: '127.0.4.251' })).status).toBe(201);
  });

  it('forgets failures after a quarter of an hour', async () => {
    const person = await fixture.person();
    const from = '127.0.1.7';
    await failures(20, person.email, { from });
    expect((await attempt(person.email, PASSWORD, { from })).status).toBe(429);
    await fixture.own.query(`UPDATE access.sign_in_failures SET at = at - interval '15 minutes' WHERE ip = $1`, [from]);
    expect((await attempt(person.email, PASSWORD, { from })).status).toBe(201);
  });

  it('leaves room for others when one address floods', async () => {
    const person = await fixture.person();
    const flood = Array.from({ length: 300 }, () => attempt('nobody@example.test', 'wrong', { from: '127.0.1.8' }));
    const signedIn = await attempt(person.email, PASSWORD, { from: '127.0.1.9' });
    expect(signedIn.status).toBe(201);
    const busy = (await Promise.all(flood)).filter(({ status }) => status === 503);
    expect(busy.length).toBeGreaterThan(0);
    for (const answer of busy) expect(answer.headers['retry-after']).toBeDefined();
  });

  it('keeps names that do not exist as HMAC only', async () => {
    await attempt('somebody-unknown@example.test', 'x', { from: '127.0.1.6' });
    const { rows } = await fixture.own.query<{ line: string }>(
      `SELECT details::text AS line FROM access.audit WHERE ip = '127.0.1.6'`,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.line).toMatch(/"account": ?"[0-9a-f]{64}"/);
  });

  it('takes an invitation up once', async () => {
    const person = await fixture.person({ hasPassword: false });
    const token = await invite(person);
    expect((await accept(token, 'short')).body['code']).toBe('password-too-weak');
    expect((await accept(token, PASSWORD)).body).toMatchObject({ id: person.id, version: 1 });
    expect((await accept(token, PASSWORD)).status).toBe(404);
    await fixture.signIn(person);
  });

  it('answers alike to invitations that are unknown, used, replaced, expired or of people deactivated since', async () => {
    const [used, expired, replaced, gone] = [await invited(), await invited(), await invited(), await invited()];
    await accept(used.token, PASSWORD);
    await fixture.own.query('UPDATE access.invitations SET expires_at = now() WHERE user_id = $1', [expired.person.id]);
    const admin = await fixture.signIn(await fixture.person({ isAdmin: true }));
    const again = (person: Person): Promise<Answer> =>
      fixture.call('POST', `/v1/users/${person.id}/invitation`, { token: admin });
    const second = await again(replaced.person);
    expect(second.status).toBe(201);
    await fixture.standing(gone.person, { status: 'deactivated' });
    const answers = await Promise.all(
      [used, expired, replaced, gone, { token: `pls_i_${'0'.repeat(43)}` }, { token: 'x' }].map(({ token }) =>
        accept(token, PASSWORD),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404]);
    expect(new Set(answers.map(lookOf)).size).toBe(1);
    expect((await accept(String(second.body['inviteToken']), PASSWORD)).status).toBe(200);
    expect((await again(replaced.person)).body['code']).toBe('already-active');
    expect((await again(gone.person)).body['code']).toBe('already-deactivated');
  });

  it('lists the live sessions of the caller with where and when', async () => {
    const person = await fixture.person();
    const [token, other] = [await fixture.signIn(person), await fixture.signIn(person, { from: '127.0.1.20' })];
    await fixture.signIn(await fixture.person());
    const list = async (): Promise<Record<string, unknown>[]> =>
      (await fixture.call('GET', '/v1/sessions', { token })).body['items'] as Record<string, unknown>[];
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    const times = { createdAt: time, lastSeenAt: time, expiresAt: time };
    expect(await list()).toEqual([
      { id: expect.any(String), current: false, ip: '127.0.1.20', ...times },
      { id: expect.any(String), current: true, ip: '127.0.0.1', ...times },
    ]);
    const first = (await fixture.call('GET', '/v1/sessions?limit=1', { token })).body;
    const next = (await fixture.call('GET', `/v1/sessions?limit=1&cursor=${String(first['nextCursor'])}`, { token })).body;
    expect([first['items'], next['items']].flat()).toEqual(await list());
    expect(next['nextCursor']).toBeNull();
    const [{ id = '' } = {}] = (await list()) as { id?: string }[];
    const stranger = await fixture.signIn(await fixture.person());
    expect((await fixture.call('DELETE', `/v1/sessions/${id}`, { token: stranger })).status).toBe(404);
    expect((await fixture.call('GET', '/v1/me', { token: other })).status).toBe(200);
    expect((await fixture.call('DELETE', `/v1/sessions/${id}`, { token })).status).toBe(204);
    expect((await fixture.call('GET', '/v1/me', { token: other })).status).toBe(401);
    expect(await list()).toHaveLength(1);
  });

  it('lists no session from before a reactivation', async () => {
    const person = await fixture.person();
    await fixture.signIn(person);
    await fixture.standing(person, { epoch: 1 });
    const token = await fixture.signIn(person);
    expect((await fixture.call('GET', '/v1/sessions', { token })).body['items']).toHaveLength(1);
  });

  it('lasts 30 minutes idle and 12 hours in all', async () => {
    const person = await fixture.person();
    const token = await fixture.signIn(person);
    const { rows } = await fixture.own.query<{ hours: number }>(
      'SELECT extract(epoch FROM expires_at - created_at)::float8 / 3600 AS hours FROM access.sessions WHERE user_id = $1',
      [person.id],
    );
    expect(rows[0]?.hours).toBeCloseTo(12, 3);
    const aged = async (minutes: number): Promise<number> => {
      await fixture.own.query(
        `UPDATE access.sessions SET last_seen_at = clock_timestamp() - $2 * interval '1 minute' WHERE user_id = $1`,
        [person.id, minutes],
      );
      return (await fixture.call('GET', '/v1/me', { token })).status;
    };
    expect(await aged(29.9)).toBe(200);
    // The use is noted beside the request: a note that came later would make the session young again.
    await eventually('the use is noted', async () => {
      const { rows: noted } = await fixture.own.query(
        `SELECT FROM access.sessions WHERE user_id = $1 AND last_seen_at > clock_timestamp() - interval '1 minute'`,
        [person.id],
      );
      return noted[0];
    });
    expect(await aged(30.1)).toBe(401);
  });

  it('ends the other sessions with a change of password', async () => {
    const person = await fixture.person();
    const [kept, other] = [await fixture.signIn(person), await fixture.signIn(person)];
    const change = (currentPassword: string, newPassword: string): Promise<Answer> =>
      fixture.call('PUT', '/v1/me/password', { token: kept, body: { currentPassword, newPassword } });
    expect((await change('wrong', 'another long password')).body['code']).toBe('invalid-credentials');
    expect((await change(PASSWORD, 'short')).body['code']).toBe('password-too-weak');
    expect((await change(PASSWORD, 'another long password')).status).toBe(204);
    expect((await fixture.call('GET', '/v1/me', { token: kept })).status).toBe(200);
    expect((await fixture.call('GET', '/v1/me', { token: other })).status).toBe(401);
    expect((await attempt(person.email, PASSWORD)).status).toBe(401);
    expect((await attempt(person.email, 'another long password')).status).toBe(201);
  });
});
