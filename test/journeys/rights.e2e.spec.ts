import pg from 'pg';
import { HttpClient, startSystem, type System } from '#testing';
import {
  answered,
  everyRow,
  made,
  newPassword,
  outcome,
  Staff,
  unique,
  type Grants,
  type Json,
  type Made,
  type Person,
} from './staff.js';

const KINDS = [
  ['contacts', 'contact', 'name'],
  ['companies', 'company', 'name'],
  ['deals', 'deal', 'title'],
] as const;
describe('rights', () => {
  let system: System;
  let staff: Staff;
  let database: pg.Client;
  let sales: string;
  let owners: Record<'colleague' | 'below' | 'elsewhere', Person>;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    sales = await staff.department();
    const [below, elsewhere] = await Promise.all([staff.department(sales), staff.department()]);
    owners = {
      colleague: await staff.person({ departmentId: sales }),
      below: await staff.person({ departmentId: below }),
      elsewhere: await staff.person({ departmentId: elsewhere }),
    };
  }, 100_000);
  afterAll(async () => {
    await database?.end();
    await system?.stop();
  });

  const eventCount = async (): Promise<number> => {
    const text = `SELECT count(*)::int AS count FROM es.events WHERE type <> 'AuditRecorded'`;
    const { rows } = await database.query<{ count: number }>(text);
    return rows[0]?.count ?? -1;
  };

  it.each(KINDS)('creating %s takes the right to, and has no levels between', async (route, type, title) => {
    const nobody = await staff.person();
    const blind = await staff.person({ grants: { [type]: { create: 'allowed' } } });
    const before = await eventCount();
    expect(await outcome(nobody.client.post(`/v1/${route}`, { [title]: 'x' }))).toBe('403 forbidden');
    expect(await outcome(nobody.client.get(`/v1/${route}`))).toBe('403 forbidden');
    const role = { name: unique('Role'), grants: { [type]: { create: 'group' } } };
    expect(await outcome(staff.admin.post('/v1/roles', role))).toBe('422 level-not-applicable');
    expect(await eventCount()).toBe(before);
    // Who may create gets what he made, once, also where he could not open it.
    const answer = await blind.client.post<Json>(`/v1/${route}`, { [title]: 'Seen once' });
    expect(answer.body).toMatchObject({ [title]: 'Seen once', responsibleId: blind.id, version: 1 });
    expect([answer.status, await outcome(blind.client.get(`/v1/${route}/${String(answer.body['id'])}`))]).toEqual([
      201,
      '403 forbidden',
    ]);
  });

  it('are decided before bodies are judged', async () => {
    const blind = await staff.person({ grants: { contact: { view: 'responsible', edit: 'responsible' } } });
    const stranger = new HttpClient(system.gatewayUrl);
    const { id } = await made(staff.admin.post('/v1/contacts', { name: 'Out of sight' }));
    const bodies: Array<[string, Record<string, string>]> = [
      ['{"name":', { 'content-type': 'application/json' }],
      ['{}', { 'content-type': 'application/json' }],
      ['{"name":5,"colour":"red"}', { 'content-type': 'application/json' }],
      ['name=x', { 'content-type': 'application/x-www-form-urlencoded' }],
      [`{"name":"${'x'.repeat(3_000_000)}"}`, { 'content-type': 'application/json' }],
    ];
    const before = await eventCount();
    for (const [body, headers] of bodies) {
      const ask = (client: HttpClient, method: string, path: string): Promise<string> =>
        outcome(client.request(method, path, { body, headers }));
      const asked = {
        create: await ask(stranger, 'POST', '/v1/contacts'),
        change: await ask(stranger, 'PATCH', `/v1/contacts/${id}`),
        settings: await ask(stranger, 'PUT', '/v1/settings/security'),
        createAs: await ask(blind.client, 'POST', '/v1/contacts'),
        changeAs: body.length > 1_000_000 ? '404 not-found' : await ask(blind.client, 'PATCH', `/v1/contacts/${id}`),
        assignAs: body.length > 1_000_000 ? '404 not-found' : await ask(blind.client, 'POST', `/v1/contacts/${id}/assign`),
        usersAs: await ask(blind.client, 'POST', '/v1/users'),
        rolesAs: await ask(blind.client, 'POST', '/v1/roles'),
        settingsAs: await ask(blind.client, 'PUT', '/v1/settings/security'),
      };
      expect(asked).toEqual({
        ...{ create: '401 unauthenticated', change: '401 unauthenticated', settings: '401 unauthenticated' },
        ...{ createAs: '403 forbidden', changeAs: '404 not-found', assignAs: '404 not-found' },
        ...{ usersAs: '403 forbidden', rolesAs: '403 forbidden', settingsAs: '403 forbidden' },
      });
    }
    expect(await eventCount()).toBe(before);
  });

  it('to assign reach the record as it is and as it will be', async () => {
    const cells = { view: 'allowed', create: 'allowed', edit: 'allowed', assign: 'group' } as const;
    const head = await staff.person({ grants: { contact: cells }, departmentId: sales });
    const own = await made(head.client.post('/v1/contacts', { name: 'Mine' }));
    const foreign = await made(staff.admin.post('/v1/contacts', { name: 'Theirs', responsibleId: owners.elsewhere.id }));
    const assign = (id: string, responsibleId: string | null): Promise<string> =>
      outcome(head.client.post(`/v1/contacts/${id}/assign`, { responsibleId }));
    const before = await eventCount();
    expect(await assign(foreign.id, head.id)).toBe('403 forbidden');
    expect(await assign(own.id, owners.elsewhere.id)).toBe('403 forbidden');
    expect(await assign(own.id, null)).toBe('403 forbidden');
    const patched = head.client.patch(`/v1/contacts/${own.id}`, { note: 'x', responsibleId: owners.elsewhere.id });
    expect(await outcome(patched)).toBe('403 forbidden');
    const created = head.client.post('/v1/contacts', { name: 'x', responsibleId: owners.elsewhere.id });
    expect(await outcome(created)).toBe('403 forbidden');
    expect(await eventCount()).toBe(before);
    expect(await assign(own.id, owners.colleague.id)).toBe('200');
    expect(await assign(own.id, owners.below.id)).toBe('200');
    expect((await answered(200, staff.admin.get(`/v1/contacts/${own.id}`)))['responsibleId']).toBe(owners.below.id);
  });

  it('work from the next request on when roles and people change', async () => {
    const role = await staff.role({ contact: { view: 'allowed' } });
    const person = await staff.person({ roleIds: [role] });
    const { id } = await made(staff.admin.post('/v1/contacts', { name: 'Somebody' }));
    const look = (): Promise<string> => outcome(person.client.get(`/v1/contacts/${id}`));
    for (const [level, answer] of [
      ['forbidden', '403 forbidden'],
      ['allowed', '200'],
      ['responsible', '404 not-found'],
      ['group', '404 not-found'],
      ['allowed', '200'],
    ] as const) {
      await answered(200, staff.admin.patch(`/v1/roles/${role}`, { grants: { contact: { view: level } } }));
      expect([level, await look()]).toEqual([level, answer]);
    }
    await answered(200, staff.admin.patch(`/v1/users/${person.id}`, { roleIds: [] }));
    expect(await look()).toBe('403 forbidden');
    await answered(200, staff.admin.patch(`/v1/users/${person.id}`, { isAdmin: true }));
    expect(await look()).toBe('200');
    await answered(200, staff.admin.patch(`/v1/users/${person.id}`, { isAdmin: false }));
    expect(await look()).toBe('403 forbidden');
  });

  it('are not granted beyond one’s own, nor to oneself', async () => {
    const strong = await staff.role({ contact: { view: 'allowed' } });
    const own: Grants = {
      ...{ users: { view: 'allowed', edit: 'allowed' }, roles: { view: 'allowed', edit: 'allowed' } },
      contact: { view: 'group', edit: 'responsible' },
    };
    const clerk = await staff.person({ grants: own, departmentId: sales });
    const subject = await staff.person({ departmentId: sales });
    const before = await eventCount();
    const versions = await everyRow(staff.admin, '/v1/users');
    const newcomer = (more: Json): Json => ({
      ...{ email: `${unique('new').toLowerCase()}@palisade.test`, name: 'New', password: newPassword() },
      ...more,
    });
    const attempts: Array<[string, string, Json, string]> = [
      ['POST', '/v1/roles', { name: 'x', grants: { contact: { view: 'allowed' } } }, '403 grant-exceeds-own'],
      ['POST', '/v1/roles', { name: 'x', grants: { contact: { edit: 'group' } } }, '403 grant-exceeds-own'],
      ['POST', '/v1/roles', { name: 'x', grants: { deal: { view: 'responsible' } } }, '403 grant-exceeds-own'],
      ['POST', '/v1/roles', { name: 'x', grants: {}, extends: strong }, '403 grant-exceeds-own'],
      ['PATCH', `/v1/roles/${strong}`, { name: 'Renamed' }, '403 grant-exceeds-own'],
      ['PATCH', `/v1/users/${subject.id}`, { roleIds: [strong] }, '403 grant-exceeds-own'],
      ['PATCH', `/v1/users/${subject.id}`, { isAdmin: true }, '403 grant-exceeds-own'],
      ['POST', '/v1/users', newcomer({ roleIds: [strong] }), '403 grant-exceeds-own'],
      ['POST', '/v1/users', newcomer({ isAdmin: true }), '403 grant-exceeds-own'],
      ['PATCH', `/v1/users/${clerk.id}`, { roleIds: [] }, '422 own-privileges'],
      ['PATCH', `/v1/users/${clerk.id}`, { departmentId: null }, '422 own-privileges'],
      ['PATCH', `/v1/users/${clerk.id}`, { password: newPassword() }, '422 own-privileges'],
      ['POST', `/v1/users/${clerk.id}/deactivate`, { reason: 'for a test' }, '422 own-privileges'],
      ['POST', `/v1/users/${clerk.id}/reactivate`, { reason: 'for a test' }, '422 own-privileges'],
    ];
    const { body: me } = await staff.admin.get<{ user: { id: string } }>('/v1/me');
    for (const body of [{ password: newPassword() }, { name: 'Taken over' }, { isAdmin: false }])
      attempts.push(['PATCH', `/v1/users/${me.user.id}`, body, '403 grant-exceeds-own']);
    for (const [method, path, body, code] of attempts) {
      expect([method, path, body, await outcome(clerk.client.request(method, path, { body }))]).toEqual([
        method,
        path,
        body,
        code,
      ]);
    }
    expect(await eventCount()).toBe(before);
    expect(await everyRow(staff.admin, '/v1/users')).toEqual(versions);
    const granted = { name: unique('Role'), grants: { contact: { view: 'group', edit: 'responsible' } } };
    const { id } = await made(clerk.client.post('/v1/roles', granted));
    await answered(200, clerk.client.patch(`/v1/users/${subject.id}`, { roleIds: [id] }));
    // He must sign in with the password he had: nobody took his account over.
    await new HttpClient(system.gatewayUrl).signIn(subject.email, subject.password);
  });

  it('end with the account', async () => {
    const person = await staff.person({ grants: { contact: { view: 'allowed' } } });
    const signIn = (password: string): Promise<string> =>
      outcome(new HttpClient(system.gatewayUrl).post('/v1/sessions', { email: person.email, password }));
    const path = `/v1/users/${person.id}`;
    await answered(200, staff.admin.post(`${path}/deactivate`, { reason: 'left the company' }));
    for (const ask of [person.client.get('/v1/contacts'), person.client.get('/v1/me'), person.client.post('/v1/contacts', {})])
      expect(await outcome(ask)).toBe('401 unauthenticated');
    expect(await signIn(person.password)).toBe('403 account-deactivated');
    expect(await signIn(newPassword())).toBe('401 invalid-credentials');
    expect((await answered(200, staff.admin.get(path)))['status']).toBe('deactivated');
    expect(await outcome(staff.admin.post(`${path}/deactivate`, { reason: 'once more' }))).toBe('409 already-deactivated');
    await answered(200, staff.admin.post(`${path}/reactivate`, { reason: 'came back' }));
    // The old session is gone for good; a new sign-in works.
    expect(await outcome(person.client.get('/v1/contacts'))).toBe('401 unauthenticated');
    expect(await signIn(person.password)).toBe('201');
  });

  it('are never taken from the last administrator', async () => {
    const { body: me } = await staff.admin.get<{ user: { id: string } }>('/v1/me');
    const administrators = async (): Promise<Made[]> =>
      (await everyRow(staff.admin, '/v1/users')).filter((user) => user['isAdmin'] === true && user['status'] === 'active');
    expect(await administrators()).toHaveLength(1);
    const before = await eventCount();
    const own = `/v1/users/${me.user.id}`;
    expect(await outcome(staff.admin.patch(own, { isAdmin: false }))).toBe('409 last-administrator');
    expect(await outcome(staff.admin.post(`${own}/deactivate`, { reason: 'for a test' }))).toBe('409 last-administrator');
    expect(await eventCount()).toBe(before);

    // Two administrators each take the other's rights at the same moment: one of them stays.
    const attempts = [
      (client: HttpClient, id: string) => client.patch(`/v1/users/${id}`, { isAdmin: false }),
      (client: HttpClient, id: string) => client.post(`/v1/users/${id}/deactivate`, { reason: 'for a test' }),
    ];
    for (let round = 0; round < 6; round += 1) {
      const second = await staff.person({ isAdmin: true });
      expect(await outcome(staff.admin.patch(own, { isAdmin: false }))).toBe('422 own-privileges');
      const attempt = attempts[round % 2] as (typeof attempts)[number];
      const outcomes = await Promise.all([outcome(attempt(staff.admin, second.id)), outcome(attempt(second.client, me.user.id))]);
      expect(outcomes.filter((one) => one === '200')).toHaveLength(1);
      expect(['409 last-administrator', '403 forbidden', '401 unauthenticated', '403 grant-exceeds-own']).toContain(
        outcomes.find((one) => one !== '200'),
      );
      const { rows } = await database.query(`SELECT 1 FROM read.principals WHERE is_admin AND status = 'active'`);
      expect(rows).toHaveLength(1);
      if (outcomes[1] !== '200') continue;
      // The first one lost: the second brings him back, and leaves.
      if (round % 2 === 0) await answered(200, second.client.patch(own, { isAdmin: true }));
      else await answered(200, second.client.post(`${own}/reactivate`, { reason: 'for a test' }));
      staff = await Staff.of(system);
      await answered(200, staff.admin.patch(`/v1/users/${second.id}`, { isAdmin: false }));
    }
  });
});
