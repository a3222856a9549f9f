import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, PASSWORD, type Answer, type Call } from '../../test/gateway-fixture.js';

describe('signing in', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;
  const attempt = (email: string, password: string, call: Call = {}): Promise<Answer> =>
    fixture.call('POST', '/v1/sessions', { ...call, body: { email, password } });
  const failures = async (count: number, email: string, call: Call): Promise<number[]> => {
    const statuses: number[] = [];
    for (let index = 0; index < count; index += 1) statuses.push((await attempt(email, 'a wrong password', call)).status);
    return statuses;
  };

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
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect({ ...answer.body, requestId: '' }).toEqual({ ...answers[0]?.body, requestId: '' });
      expect(Object.keys(answer.headers)).toEqual(Object.keys(answers[0]?.headers ?? {}));
    }
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

  it('judges parallel guesses one after another', async () => {
    const person = await fixture.person();
    const from = '127.0.1.5';
    const answers = await Promise.all(Array.from({ length: 60 }, () => attempt(person.email, 'wrong', { from })));
    const judged = answers.filter((answer) => answer.status === 401).length;
    expect(judged).toBeGreaterThanOrEqual(20);
    expect(judged).toBeLessThanOrEqual(21);
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
    const { credentials, database } = (await fixture.gateway()).parts;
    const token = await database.transaction((trx) => credentials.invite(trx, person.id));
    const accept = (password: string): Promise<Answer> =>
      fixture.call('POST', `/v1/invitations/${token}`, { body: { password } });
    expect((await accept('short')).body['code']).toBe('password-too-weak');
    expect((await accept(PASSWORD)).body).toMatchObject({ id: person.id, version: 1 });
    expect((await accept(PASSWORD)).status).toBe(404);
    await fixture.signIn(person);
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
