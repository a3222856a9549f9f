import { HttpClient, startSystem, type System } from '#testing';
import { answered, everyRow, eventually, made, outcome, Staff, unique, type Json } from './staff.js';

/** Two gateways and two cores: what one was told the other goes by, from the next request on. */
describe('access', () => {
  let system: System;
  let staff: Staff;
  let otherUrl: string;

  beforeAll(async () => {
    system = await startSystem({ gateways: 2, cores: 2 });
    staff = await Staff.of(system);
    otherUrl = system.gatewayUrls[1] as string;
  }, 100_000);
  afterAll(() => system?.stop());

  const giveRoles = (departmentId: string, roleIds: string[]): Promise<unknown> =>
    answered(200, staff.admin.put(`/v1/departments/${departmentId}/roles`, { roleIds }));

  it('comes with the department, at every gateway, and goes with it', async () => {
    const [top, role] = [await staff.department(), await staff.role({ contact: { view: 'allowed' } })];
    const below = await staff.department(top);
    const person = await staff.person({ departmentId: below });
    const { id } = await made(staff.admin.post('/v1/contacts', { name: unique('Contact') }));
    const look = (): Promise<string> => outcome(person.client.at(otherUrl).get(`/v1/contacts/${id}`));
    expect(await look()).toBe('403 forbidden');
    await giveRoles(top, [role]);
    expect(await look()).toBe('200');
    const me = await answered(200, person.client.at(otherUrl).get('/v1/me'));
    expect(me['roles']).toMatchObject([{ id: role }]);
    expect(me['rights']).toMatchObject({ contact: { view: 'allowed', edit: 'forbidden' } });
    expect(await answered(200, staff.admin.get(`/v1/departments/${top}`))).toMatchObject({ roleIds: [role], version: 2 });
    // His own roles are none: GET shows what was given to himself.
    expect(await answered(200, staff.admin.get(`/v1/users/${person.id}`))).toMatchObject({ roleIds: [], departmentId: below });
    for (const [take, give] of [
      [() => giveRoles(top, []), () => giveRoles(top, [role])],
      [
        () => answered(200, staff.admin.patch(`/v1/departments/${below}`, { parentId: null })),
        () => answered(200, staff.admin.patch(`/v1/departments/${below}`, { parentId: top })),
      ],
      [
        () => answered(200, staff.admin.patch(`/v1/users/${person.id}`, { departmentId: null })),
        () => answered(200, staff.admin.patch(`/v1/users/${person.id}`, { departmentId: top })),
      ],
    ] as const) {
      await take();
      expect(await look()).toBe('403 forbidden');
      await give();
      expect(await look()).toBe('200');
    }
  });

  it('is changed by those who may, as a whole, and on the version that was seen', async () => {
    const [department, role] = [await staff.department(), await staff.role({})];
    const nobody = await staff.person();
    const path = `/v1/departments/${department}/roles`;
    const unknown = crypto.randomUUID();
    const tried = await Promise.all([
      outcome(new HttpClient(otherUrl).put(path, { roleIds: [role] })),
      outcome(nobody.client.put(path, '{"roleIds":')),
      outcome(staff.admin.put(`/v1/departments/${unknown}/roles`, { roleIds: [role] })),
      outcome(staff.admin.put(path, { roleIds: [role], more: 1 })),
      outcome(staff.admin.put(path, { roleIds: [role, unknown] })),
      outcome(staff.admin.put(path, { roleIds: [role] }, { 'if-match': '"7"' })),
    ]);
    expect(tried).toEqual([
      ...['401 unauthenticated', '403 forbidden', '404 not-found'],
      ...['422 validation-failed', '422 unknown-reference', '412 version-conflict'],
    ]);
    expect(await answered(200, staff.admin.get(`/v1/departments/${department}`))).toMatchObject({ roleIds: [], version: 1 });
  });

  it('loses no role or department that is in use', async () => {
    const role = await staff.role({ contact: { view: 'group' } });
    const [top, empty] = [await staff.department(), await staff.department()];
    const below = await staff.department(top);
    const person = await staff.person({ roleIds: [role], departmentId: below });
    const remove = (path: string): Promise<string> => outcome(staff.admin.delete(path));
    for (const path of [`/v1/roles/${role}`, `/v1/departments/${top}`, `/v1/departments/${below}`])
      expect([path, await remove(path)]).toEqual([path, '409 in-use']);
    expect(await outcome(person.client.delete(`/v1/roles/${role}`))).toBe('403 forbidden');
    await answered(200, staff.admin.patch(`/v1/users/${person.id}`, { roleIds: [], departmentId: null }));
    for (const path of [`/v1/roles/${role}`, `/v1/departments/${below}`, `/v1/departments/${top}`, `/v1/departments/${empty}`]) {
      expect([path, await remove(path)]).toEqual([path, '204']);
      expect([path, await remove(path), await outcome(staff.admin.get(path))]).toEqual([path, '404 not-found', '404 not-found']);
    }
    const left = (await everyRow(staff.admin, '/v1/departments')).map(({ id }) => id);
    expect([top, below, empty].filter((id) => left.includes(id))).toEqual([]);
  });

  it('is gone on the next page, and from a stream that is open', async () => {
    const watch = await staff.role({ monitoring: { view: 'allowed' } });
    const view = await staff.role({ contact: { view: 'allowed' } });
    const department = await staff.department();
    await giveRoles(department, [watch, view]);
    const person = await staff.person({ departmentId: department });
    for (let n = 0; n < 3; n += 1) await made(staff.admin.post('/v1/contacts', { name: unique('Contact') }));
    const there = person.client.at(otherUrl);
    const first = await answered(200, there.get<{ nextCursor: string }>('/v1/contacts?limit=1'));
    const stream = await there.events('/v1/alerts/stream');
    await giveRoles(department, []);
    expect(await outcome(there.get(`/v1/contacts?limit=1&cursor=${first.nextCursor}`))).toBe('403 forbidden');
    await expect(Promise.race([stream.ended.then(() => 'ended'), timeout(5_000)])).resolves.toBe('ended');
    await giveRoles(department, [view]);
    expect(await outcome(there.get(`/v1/contacts?limit=1&cursor=${first.nextCursor}`))).toBe('200');
    expect(await outcome(there.get('/v1/alerts'))).toBe('403 forbidden');
  });

  it('is never taken from the last administrator, also by two at two cores at once', async () => {
    const { body: me } = await staff.admin.get<{ user: { id: string } }>('/v1/me');
    for (let round = 0; round < 4; round += 1) {
      const second = await staff.person({ isAdmin: true });
      const outcomes = await Promise.all([
        outcome(staff.admin.patch(`/v1/users/${second.id}`, { isAdmin: false })),
        outcome(second.client.at(otherUrl).patch(`/v1/users/${me.user.id}`, { isAdmin: false })),
      ]);
      expect(outcomes.filter((one) => one === '200')).toHaveLength(1);
      // The second one won: he gives the first his office back, and leaves his own.
      if (outcomes[1] !== '200') continue;
      await answered(200, second.client.patch(`/v1/users/${me.user.id}`, { isAdmin: true }));
      await answered(200, staff.admin.patch(`/v1/users/${second.id}`, { isAdmin: false }));
    }
  });

  it('is explained, now and for a past time, as the routes decide', async () => {
    const [role, department] = [await staff.role({ deal: { view: 'group' } }), await staff.department()];
    const colleague = await staff.person({ departmentId: department });
    const person = await staff.person({ departmentId: department });
    const { id } = await made(staff.admin.post('/v1/deals', { title: unique('Deal'), responsibleId: colleague.id }));
    const question = { userId: person.id, action: 'view', recordType: 'deal', recordId: id };
    const explain = (more: Json = {}, client = staff.admin) =>
      client.at(otherUrl).post('/v1/access/explain', { ...question, ...more });
    const look = (): Promise<string> => outcome(person.client.get(`/v1/deals/${id}`));
    expect([await look(), (await answered(200, explain()))['decision']]).toEqual(['403 forbidden', 'refused']);
    const before = await moment();
    await giveRoles(department, [role]);
    const after = await moment();
    expect(await look()).toBe('200');
    const granted = await answered(200, explain());
    expect(granted).toEqual({ decision: 'allowed', level: 'group', because: expect.any(Array) as string[] });
    expect(granted['because']).toContain(`role ${role} is given to department ${department}, where the person is`);
    await giveRoles(department, []);
    expect(await answered(200, explain({ at: before }))).toMatchObject({ decision: 'refused', level: 'forbidden' });
    expect(await answered(200, explain({ at: after }))).toEqual(granted);
    expect(await answered(200, explain())).toMatchObject({ decision: 'refused' });
    const unknown = crypto.randomUUID();
    const refusals: Array<[Json, string, HttpClient?]> = [
      [{}, '403 forbidden', person.client],
      [{}, '401 unauthenticated', new HttpClient(otherUrl)],
      [{ userId: unknown }, '404 not-found'],
      [{ recordId: unknown }, '404 not-found'],
      [{ recordType: 'contact' }, '404 not-found'],
      [{ recordType: 'user' }, '422 validation-failed'],
      [{ action: 'fly' }, '422 validation-failed'],
      [{ at: 'yesterday' }, '422 validation-failed'],
      [{ more: 1 }, '422 validation-failed'],
    ];
    for (const [more, code, client] of refusals) expect([more, await outcome(explain(more, client))]).toEqual([more, code]);
  });
});

const timeout = (milliseconds: number): Promise<string> =>
  new Promise((resolve) => setTimeout(() => resolve('still open'), milliseconds).unref());

/** A time after all that was answered so far and before all that is asked from now on. */
async function moment(): Promise<string> {
  const now = Date.now();
  await eventually('the next millisecond but one', () => Promise.resolve(Date.now() > now + 1 || undefined));
  return new Date(now + 1).toISOString();
}
