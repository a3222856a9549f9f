import { Secret as OtpSecret, TOTP } from 'otpauth';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, PASSWORD, type Answer, type Call, type Person } from '../../test/gateway-fixture.js';

interface Factor {
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
  readonly token: string;
}

describe('a second factor', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;

  /** The code of now, or of so many steps later; the step after the one used at confirmation is `1`. */
  const codeOf = (secret: string, steps = 0): string =>
    new TOTP({ secret: OtpSecret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 });
  const signIn = (person: Person, totp?: string, call: Call = {}): Promise<Answer> =>
    fixture.call('POST', '/v1/sessions', {
      ...call,
      body: { email: person.email, password: PASSWORD, ...(totp === undefined ? {} : { totp }) },
    });
  const setUp = async (person: Person): Promise<Factor> => {
    const token = await fixture.signIn(person);
    const { secret } = (await fixture.call('POST', '/v1/me/totp', { token })).body as { secret: string };
    const confirmed = await fixture.call('POST', '/v1/me/totp/confirm', { token, body: { code: codeOf(secret) } });
    expect(confirmed.status).toBe(200);
    return { secret, recoveryCodes: confirmed.body['recoveryCodes'] as string[], token };
  };
  /** So that the next code of the same half minute is as good as one of later. */
  const forgetStep = (person: Person): Promise<unknown> =>
    fixture.own.query('UPDATE access.second_factors SET last_step = 0 WHERE user_id = $1', [person.id]);

  beforeAll(async () => {
    database = await testDatabase();
    broker = await isolatedBroker();
    fixture = await GatewayFixture.start({ database, broker });
    await fixture.gateway();
    await fixture.gateway();
  });
  afterAll(async () => {
    await fixture.stop();
    await Promise.all([broker.remove(), database.drop()]);
  });

  it('counts from its confirmation on', async () => {
    const person = await fixture.person();
    const token = await fixture.signIn(person);
    const confirm = (code: string): Promise<Answer> => fixture.call('POST', '/v1/me/totp/confirm', { token, body: { code } });
    expect((await confirm('123456')).body['code']).toBe('not-found');
    const first = await fixture.call('POST', '/v1/me/totp', { token });
    expect(first.status).toBe(201);
    expect(String(first.body['otpauthUrl'])).toContain(`secret=${String(first.body['secret'])}`);
    const second = await fixture.call('POST', '/v1/me/totp', { token });
    expect((await signIn(person)).status).toBe(201);
    expect((await confirm(codeOf(String(first.body['secret'])))).body['code']).toBe('invalid-credentials');
    const confirmed = await confirm(codeOf(String(second.body['secret'])));
    expect(confirmed.body['recoveryCodes']).toHaveLength(10);
    expect((await confirm(codeOf(String(second.body['secret']), 1))).status).toBe(404);
    expect((await fixture.call('POST', '/v1/me/totp', { token })).body['code']).toBe('second-factor-exists');
    expect((await signIn(person)).body['code']).toBe('totp-required');
  });

  it('given out too long ago is not confirmed', async () => {
    const person = await fixture.person();
    const token = await fixture.signIn(person);
    const { secret } = (await fixture.call('POST', '/v1/me/totp', { token })).body as { secret: string };
    await fixture.own.query(`UPDATE access.second_factors SET created_at = now() - interval '61 minutes' WHERE user_id = $1`, [
      person.id,
    ]);
    expect((await fixture.call('POST', '/v1/me/totp/confirm', { token, body: { code: codeOf(secret) } })).status).toBe(404);
    expect((await signIn(person)).status).toBe(201);
  });

  it('ends the sessions that were begun without it', async () => {
    const person = await fixture.person();
    const other = await fixture.signIn(person);
    const { token } = await setUp(person);
    expect((await fixture.call('GET', '/v1/me', { token })).status).toBe(200);
    expect((await fixture.call('GET', '/v1/me', { token: other })).status).toBe(401);
  });

  it('is asked for only of one who has the password', async () => {
    const person = await fixture.person();
    const { secret } = await setUp(person);
    const wrong = await fixture.call('POST', '/v1/sessions', {
      body: { email: person.email, password: 'a wrong password', totp: codeOf(secret, 1) },
    });
    const wrongCode = await signIn(person, '000000');
    expect(wrongCode.status).toBe(401);
    expect({ ...wrongCode.body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' });
    expect((await signIn(person, codeOf(secret, 1))).status).toBe(201);
  });

  it('takes a code once, however many ask at once, at whatever gateway', async () => {
    const person = await fixture.person();
    const { secret } = await setUp(person);
    const code = codeOf(secret, 1);
    const gateway = await fixture.gateway();
    const answers = await Promise.all([
      ...[1, 2, 3].map(() => signIn(person, code)),
      ...[1, 2, 3].map(() => signIn(person, code, { gateway })),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401, 401, 401, 401, 401]);
    expect((await signIn(person, codeOf(secret))).status).toBe(401);
  });

  it('takes each recovery code once, in its place', async () => {
    const person = await fixture.person();
    const other = await fixture.person();
    const [{ recoveryCodes, secret }, ofOther] = [await setUp(person), await setUp(other)];
    const [code = '', next = ''] = recoveryCodes;
    expect((await signIn(other, code)).status).toBe(401);
    expect((await signIn(person, code.toUpperCase().replaceAll('-', ' '))).status).toBe(201);
    expect((await signIn(person, code)).status).toBe(401);
    expect((await signIn(person, next)).status).toBe(201);
    expect((await signIn(person, codeOf(secret, 1))).status).toBe(201);
    expect((await signIn(other, ofOther.recoveryCodes[0])).status).toBe(201);
  });

  it('cannot be guessed: failures at it hold from everywhere new, for administrators too', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const { secret } = await setUp(admin);
    for (let index = 0; index < 20; index += 1) await signIn(admin, '000000', { from: `127.0.3.${index + 1}` });
    expect((await signIn(admin, codeOf(secret, 1), { from: '127.0.3.200' })).status).toBe(429);
    expect((await signIn(admin, codeOf(secret, 1))).status).toBe(201);
  });

  it('is removed by one who proves who he is', async () => {
    const person = await fixture.person();
    const { secret, recoveryCodes, token } = await setUp(person);
    const remove = (body?: object): Promise<Answer> => fixture.call('DELETE', '/v1/me/totp', { token, body });
    expect((await remove()).status).toBe(415);
    expect((await remove({})).body['code']).toBe('validation-failed');
    expect((await remove({ currentPassword: 'a wrong password' })).body['code']).toBe('invalid-credentials');
    expect((await remove({ code: '000000' })).body['code']).toBe('invalid-credentials');
    expect((await signIn(person)).body['code']).toBe('totp-required');
    expect((await remove({ code: codeOf(secret, 1) })).status).toBe(204);
    expect((await signIn(person)).status).toBe(201);
    expect((await remove({ currentPassword: PASSWORD })).status).toBe(404);
    const again = await setUp(person);
    await forgetStep(person);
    expect((await signIn(person, recoveryCodes[0])).status).toBe(401);
    expect(
      (await fixture.call('DELETE', '/v1/me/totp', { token: again.token, body: { currentPassword: PASSWORD } })).status,
    ).toBe(204);
  });

  it('that is lost is removed by an administrator, and never his own in that way', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const person = await fixture.person();
    const { token } = await setUp(person);
    const session = await fixture.signIn(admin);
    const remove = (id: string, by = session): Promise<Answer> => fixture.call('DELETE', `/v1/users/${id}/totp`, { token: by });
    expect((await remove(person.id, await fixture.signIn(await fixture.person()))).body['code']).toBe('forbidden');
    expect((await remove(admin.id)).body['code']).toBe('own-privileges');
    expect((await remove(person.id)).status).toBe(204);
    expect((await remove(person.id)).status).toBe(404);
    expect((await fixture.call('GET', '/v1/me', { token })).status).toBe(401);
    expect((await signIn(person)).status).toBe(201);
  });

  it('tells nothing from a refused address, save to complete credentials of an exempt administrator', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const { secret } = await setUp(admin);
    await fixture.settings((settings) => ({ ...settings, ipAllowList: { enabled: true, exemptAdmins: true, entries: [] } }));
    try {
      expect((await signIn(admin)).body['code']).toBe('ip-not-allowed');
      expect((await signIn(admin, '000000')).body['code']).toBe('ip-not-allowed');
      expect((await signIn(admin, codeOf(secret, 1))).status).toBe(201);
    } finally {
      await fixture.settings((settings) => ({ ...settings, ipAllowList: { enabled: false, exemptAdmins: true, entries: [] } }));
    }
  });

  it('leaves nothing in the database that makes codes', async () => {
    const person = await fixture.person();
    const { secret, recoveryCodes } = await setUp(person);
    const { rows } = await fixture.own.query<{ line: string }>(
      `SELECT f::text || coalesce((SELECT string_agg(c::text, ' ') FROM access.recovery_codes c WHERE c.user_id = f.user_id), '') AS line
       FROM access.second_factors f WHERE f.user_id = $1`,
      [person.id],
    );
    expect(rows[0]?.line).not.toContain(secret);
    for (const code of recoveryCodes) expect(rows[0]?.line).not.toContain(code.replaceAll('-', '').toUpperCase());
  });
});
