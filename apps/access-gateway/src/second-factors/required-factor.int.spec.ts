import { Secret as OtpSecret, TOTP } from 'otpauth';
import { v7 as uuidv7 } from 'uuid';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, type Answer } from '../../test/gateway-fixture.js';

/** The role that requires a second factor. */
const STRICT_ROLE = 'Strict';

describe('a second factor that a role requires', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;

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

  const personOf = async (roleName: string): Promise<string> => {
    const person = await fixture.person();
    const roleId = uuidv7();
    const grants = JSON.stringify({ users: { view: 'allowed' }, contact: { view: 'allowed' } });
    await fixture.core.query(
      'INSERT INTO read.roles (id, name, grants, require_second_factor, version) VALUES ($1, $2, $3, $4, 1)',
      [...[roleId, roleName, grants, roleName === STRICT_ROLE]],
    );
    await fixture.core.query('UPDATE read.principals SET role_ids = ARRAY[$2::uuid] WHERE user_id = $1', [person.id, roleId]);
    await fixture.rightsChanged();
    return fixture.signIn(person);
  };

  it('leaves a session without it where it can be set up, and nowhere else', async () => {
    const token = await personOf(STRICT_ROLE);
    const ask = (method: string, path: string, body?: unknown): Promise<Answer> => fixture.call(method, path, { token, body });
    for (const path of ['/v1/users', '/v1/contacts', '/v1/alerts/stream', '/v1/api-tokens', '/v1/settings/security']) {
      expect((await ask('GET', path)).body['code']).toBe('second-factor-required');
    }
    expect((await ask('PUT', '/v1/settings/security', '{')).body['code']).toBe('second-factor-required');
    for (const path of ['/v1/me', '/v1/sessions']) expect((await ask('GET', path)).status).toBe(200);
    const { secret } = (await ask('POST', '/v1/me/totp')).body as { secret: string };
    const code = new TOTP({ secret: OtpSecret.fromBase32(secret) }).generate();
    expect((await ask('POST', '/v1/me/totp/confirm', { code })).status).toBe(200);
    expect((await ask('GET', '/v1/users')).status).toBe(200);
    const id = uuidv7();
    await fixture.core.query(
      `INSERT INTO read.contacts (id, name, search, created_at, updated_at, version) VALUES ($1, 'N', '', now(), now(), 1)`,
      [id],
    );
    const open = async (): Promise<unknown> => (await ask('GET', `/v1/contacts/${id}`)).status;
    expect([await open(), await open()]).toEqual([200, 200]);
    // Without a change of rights: the statement that opens looks at it itself.
    await fixture.own.query('UPDATE access.second_factors SET confirmed_at = NULL');
    expect([await open(), await open()]).toEqual([403, 403]);
    await fixture.own.query('UPDATE access.second_factors SET confirmed_at = clock_timestamp()');
    expect(await open()).toBe(200);
    expect((await ask('DELETE', '/v1/sessions/current')).status).toBe(204);
  });

  it('is asked of nobody else', async () => {
    const token = await personOf('Lenient');
    expect((await fixture.call('GET', '/v1/users', { token })).status).toBe(200);
  });
});
