import pg from 'pg';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, type Answer, type Person } from '../../test/gateway-fixture.js';

describe('a refusal', () => {
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

  const notes = async (person: Person): Promise<unknown[]> => {
    const text = `SELECT details, ip FROM access.audit WHERE type = 'request.refused' AND actor_id = $1 ORDER BY at`;
    return (await fixture.own.query(text, [person.id])).rows;
  };
  async function noted(person: Person, count: number): Promise<unknown[]> {
    for (let attempt = 0; attempt < 200 && (await notes(person)).length < count; attempt += 1)
      await new Promise((resolve) => setTimeout(resolve, 25));
    return notes(person);
  }
  async function rename(from: string, to: string): Promise<void> {
    const superuser = new pg.Client({ connectionString: database.superuserUrl });
    await superuser.connect();
    await superuser.query(`ALTER TABLE access.${from} RENAME TO ${to}`);
    await superuser.end();
  }
  const get = (token: string, path: string): Promise<Answer> => fixture.call('GET', path, { token });

  it('is written down with its code and route, once a minute for each code', async () => {
    const person = await fixture.person();
    const token = await fixture.signIn(person);
    for (const path of ['/v1/users', '/v1/users', '/v1/roles']) expect((await get(token, path)).body['code']).toBe('forbidden');
    expect(await noted(person, 1)).toEqual([{ details: { code: 'forbidden', action: 'GET /v1/users' }, ip: '127.0.0.1' }]);
    const prefetch = { 'sec-purpose': 'prefetch' };
    await fixture.core.query('UPDATE read.principals SET is_admin = true WHERE user_id = $1', [person.id]);
    await fixture.rightsChanged();
    const opened = await fixture.call('GET', '/v1/contacts/00000000-0000-7000-8000-0000000000aa', { token, headers: prefetch });
    expect(opened.body['code']).toBe('prefetch-refused');
    expect(await noted(person, 2)).toContainEqual({
      ...{ details: { code: 'prefetch-refused', action: 'GET /v1/contacts/:id' }, ip: '127.0.0.1' },
    });
  });

  it('of the gate is written down too, and counted with the others', async () => {
    const person = await fixture.person({ isAdmin: true });
    const token = await fixture.signIn(person);
    for (let asking = 0; asking < 2; asking += 1)
      expect((await get(token, '/v1/contacts/00000000-0000-7000-8000-0000000000ab')).status).toBe(404);
    await fixture.hold(person);
    expect((await get(token, '/v1/contacts')).body['code']).toBe('view-limit-reached');
    expect(await noted(person, 1)).toMatchObject([{ details: { code: 'view-limit-reached', action: 'GET /v1/contacts' } }]);
    const counted = async (): Promise<number> => {
      const text = 'SELECT coalesce(sum(count), 0)::integer AS count FROM access.refused_requests WHERE user_id = $1';
      return (await fixture.own.query<{ count: number }>(text, [person.id])).rows[0]?.count ?? 0;
    };
    for (let look = 0; look < 200 && (await counted()) < 3; look += 1) await new Promise((resolve) => setTimeout(resolve, 25));
    expect(await counted()).toBe(3);
  });

  it('of nobody in particular is none of anybody', async () => {
    const before = await fixture.own.query('SELECT FROM access.audit');
    expect((await fixture.call('GET', '/v1/users')).status).toBe(401);
    expect((await fixture.own.query('SELECT FROM access.audit')).rowCount).toBe(before.rowCount);
  });

  it('stays what it is when it cannot be written down; the trail is not shown then', async () => {
    const [manager, admin] = [await fixture.person(), await fixture.person({ isAdmin: true })];
    const tokens = [await fixture.signIn(manager), await fixture.signIn(admin)] as const;
    expect((await get(tokens[1], '/v1/audit')).status).toBe(200);
    await rename('audit', 'audit_away');
    try {
      expect((await get(tokens[0], '/v1/users')).body['code']).toBe('forbidden');
      const { status, body } = await get(tokens[1], '/v1/audit');
      expect(status).toBeGreaterThanOrEqual(500);
      expect(body['items']).toBeUndefined();
    } finally {
      await rename('audit_away', 'audit');
    }
  });

  it('of the proof is 503 when core is away', async () => {
    const token = await fixture.signIn(await fixture.person({ isAdmin: true }));
    const { status, body } = await get(token, '/v1/audit/proof');
    expect([status, body['code']]).toEqual([503, 'dependency-unavailable']);
  });
});
