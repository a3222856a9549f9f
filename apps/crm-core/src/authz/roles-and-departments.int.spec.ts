import { randomUUID } from 'node:crypto';
import { FIRST_SECURITY_SETTINGS, type AcceptedReply, type CommandName } from '#contracts';
import { Authorizations } from '../commands/authorizations.js';
import { codesOf, Commands } from './commands.fixture.js';

let commands: Commands;
let admin: string;

beforeAll(async () => {
  commands = await Commands.open();
  admin = await commands.firstAdministrator();
});
afterAll(() => commands.close());

const send = (name: CommandName, userId: string, body: unknown, targetId: string | null = null): Promise<AcceptedReply> =>
  commands.send(name, userId, body, targetId);
const newRole = async (grants: object, parent: string | null = null): Promise<string> =>
  (await send('CreateRole', admin, { name: 'R', extends: parent, grants })).id;
const newDepartment = async (parentId: string | null = null, roleIds: string[] = []): Promise<string> => {
  const { id } = await send('CreateDepartment', admin, { name: 'D', parentId });
  if (roleIds.length > 0) await send('ChangeDepartmentRoles', admin, { roleIds }, id);
  return id;
};
const newPerson = async (fields: object = {}): Promise<string> =>
  (await send('CreateUser', admin, { email: `${randomUUID()}@example.org`, name: 'P', ...fields })).id;
const rightsOf = async (userId: string) => {
  const loaded = await new Authorizations(commands.pool).load(userId);
  return { roleIds: [...(loaded?.authorization.roleIds ?? [])].sort(), rights: loaded?.principal.rights };
};

/** The command is refused with the code, and nothing has happened. */
async function refused(code: string, name: CommandName, userId: string, body: unknown, targetId: string | null = null) {
  const before = await commands.events();
  await expect(send(name, userId, body, targetId)).rejects.toMatchObject({ code });
  expect(await commands.events()).toBe(before);
}

describe('roles of departments', () => {
  it('reach the people of the department and of those below, and change with every move', async () => {
    const [own, wide, narrow] = [
      await newRole({ deal: { view: 'responsible' } }),
      await newRole({ contact: { view: 'allowed' } }),
      await newRole({ contact: { view: 'group' } }),
    ];
    const top = await newDepartment(null, [wide]);
    const below = await newDepartment(top, [narrow]);
    const elsewhere = await newDepartment();
    const id = await newPerson({ roleIds: [own], departmentId: below });
    const contactView = async () => (await rightsOf(id)).rights?.level('contact', 'view');
    expect((await rightsOf(id)).roleIds).toEqual([own, wide, narrow].sort());
    expect(await contactView()).toBe('allowed');
    await send('ChangeDepartmentRoles', admin, { roleIds: [] }, top);
    expect(await contactView()).toBe('group');
    await send('ChangeDepartmentRoles', admin, { roleIds: [wide, wide] }, elsewhere);
    await send('ChangeDepartment', admin, { parentId: elsewhere }, below);
    expect(await contactView()).toBe('allowed');
    await send('ChangeDepartment', admin, { parentId: null }, below);
    expect(await contactView()).toBe('group');
    await send('ChangeUser', admin, { departmentId: elsewhere }, id);
    expect(await contactView()).toBe('allowed');
    await send('ChangeUser', admin, { departmentId: null }, id);
    expect((await rightsOf(id)).roleIds).toEqual([own]);
  });

  it('change also what is remembered of a person, for himself and for others', async () => {
    const remembered = new Authorizations(commands.pool);
    const role = await newRole({ contact: { view: 'group' } });
    const department = await newDepartment(null, [role]);
    const [id, other] = [await newPerson({ departmentId: department }), await newPerson({ departmentId: department })];
    const contactView = async (userId: string) => (await remembered.load(userId))?.principal.rights.level('contact', 'view');
    expect([await contactView(id), await contactView(other)]).toEqual(['group', 'group']);
    expect(await remembered.load(id)).toBe(await remembered.load(id));
    await send('ChangeDepartmentRoles', admin, { roleIds: [] }, department);
    expect([await contactView(id), await contactView(other)]).toEqual(['forbidden', 'forbidden']);
    await send('DeactivateUser', admin, { reason: 'left' }, other);
    expect((await remembered.load(other))?.authorization.status).toBe('deactivated');
    expect((await remembered.load(id))?.authorization.groupUserIds).toContain(id);
    expect(await remembered.load(randomUUID())).toBeUndefined();
  });

  it('are written once, and only where they change', async () => {
    const role = await newRole({});
    const id = await newDepartment(null, [role]);
    expect(await send('ChangeDepartmentRoles', admin, { roleIds: [role, role] }, id)).toMatchObject({ version: 2 });
    const rows = await commands.pool.query('SELECT role_ids FROM read.departments WHERE id = $1', [id]);
    expect(rows.rows).toEqual([{ role_ids: [role] }]);
  });

  it('are refused where they are not there, and to those without the right', async () => {
    const id = await newDepartment();
    await refused('unknown-reference', 'ChangeDepartmentRoles', admin, { roleIds: [randomUUID()] }, id);
    await refused('validation-failed', 'ChangeDepartmentRoles', admin, { roleIds: ['x'] }, id);
    await refused('validation-failed', 'ChangeDepartmentRoles', admin, { roleIds: [], colour: 'red' }, id);
    await refused('not-found', 'ChangeDepartmentRoles', admin, { roleIds: [] }, randomUUID());
    await refused('forbidden', 'ChangeDepartmentRoles', await newPerson(), { nonsense: 1 }, id);
  });
});

describe('nobody grants what he does not hold', () => {
  it('by way of a department: its roles, its place, or a person’s place in it', async () => {
    const clerkRole = await newRole({
      ...{ users: { edit: 'allowed' }, departments: { edit: 'allowed' }, roles: { edit: 'allowed' } },
      contact: { view: 'group' },
    });
    const clerk = await newPerson({ roleIds: [clerkRole] });
    const wide = await newRole({ contact: { view: 'allowed' } });
    const narrow = await newRole({ contact: { view: 'responsible' } });
    const strong = await newDepartment(null, [wide]);
    const belowStrong = await newDepartment(strong);
    const plain = await newDepartment();
    const person = await newPerson({ departmentId: plain });
    const newcomer = (departmentId: string): object => ({ email: `${randomUUID()}@example.org`, name: 'P', departmentId });
    await refused('grant-exceeds-own', 'ChangeDepartmentRoles', clerk, { roleIds: [wide] }, plain);
    await refused('grant-exceeds-own', 'ChangeDepartmentRoles', clerk, { roleIds: [] }, strong);
    await refused('grant-exceeds-own', 'ChangeDepartment', clerk, { parentId: strong }, plain);
    await refused('grant-exceeds-own', 'ChangeDepartment', clerk, { parentId: null }, belowStrong);
    await refused('grant-exceeds-own', 'ChangeUser', clerk, { departmentId: belowStrong }, person);
    await refused('grant-exceeds-own', 'CreateUser', clerk, newcomer(belowStrong));
    await refused('grant-exceeds-own', 'DeleteRole', clerk, null, wide);
    // What he holds he may give, in every one of these ways.
    await send('ChangeDepartmentRoles', clerk, { roleIds: [narrow] }, plain);
    await send('CreateUser', clerk, newcomer(plain));
    // The head of the strong department can do more than the clerk, through it.
    const head = await newPerson({ departmentId: strong });
    for (const body of [{ name: 'X' }, { departmentId: null }])
      await refused('grant-exceeds-own', 'ChangeUser', clerk, body, head);
    await refused('grant-exceeds-own', 'DeactivateUser', clerk, { reason: 'leaves' }, head);
  });
});

describe('nobody changes his own privileges', () => {
  it('by way of a role that he holds, or one that it extends', async () => {
    const base = await newRole({ deal: { view: 'group' } });
    const own = await newRole({ roles: { edit: 'allowed' }, deal: { edit: 'group' } }, base);
    const id = await newPerson({ roleIds: [own] });
    await refused('own-privileges', 'ChangeRole', id, { grants: { roles: { edit: 'allowed' } } }, own);
    await refused('own-privileges', 'ChangeRole', id, { extends: null }, own);
    await refused('own-privileges', 'ChangeRole', id, { grants: {} }, base);
    await refused('own-privileges', 'ChangeRole', id, { grants: { deal: { view: 'allowed' } } }, base);
    await send('ChangeRole', id, { name: 'Another name' }, own);
    const other = await newPerson({ roleIds: [await newRole({ roles: { edit: 'allowed' }, deal: { view: 'group' } })] });
    await send('ChangeRole', other, { grants: {} }, base);
  });

  it('by way of the departments above him, nor does an administrator give himself full numbers', async () => {
    const seen = await newRole({ contact: { view: 'group' } });
    const editor = await newRole({ departments: { edit: 'allowed' }, contact: { view: 'group' }, deal: { view: 'allowed' } });
    const [top, side] = [await newDepartment(), await newDepartment()];
    const mine = await newDepartment(top);
    const id = await newPerson({ roleIds: [editor], departmentId: mine });
    const stranger = await newRole({ deal: { view: 'allowed' } });
    // Rights that he has already are no change of his.
    for (const roleIds of [[stranger], []]) await send('ChangeDepartmentRoles', id, { roleIds }, top);
    // A department that comes below his own widens what his group rights reach.
    await refused('own-privileges', 'ChangeDepartment', id, { parentId: mine }, side);
    await send('ChangeDepartment', id, { parentId: side }, mine);
    const plain = await newRole({ departments: { edit: 'allowed' } });
    const weaker = await newPerson({ roleIds: [plain], departmentId: mine });
    await refused('own-privileges', 'ChangeDepartmentRoles', weaker, { roleIds: [seen] }, side);
    const numbers = await newRole({ phone: { view: 'allowed' } });
    const chief = await newDepartment();
    const second = await newPerson({ isAdmin: true, departmentId: chief });
    await refused('own-privileges', 'ChangeDepartmentRoles', second, { roleIds: [numbers] }, chief);
    await send('ChangeDepartmentRoles', admin, { roleIds: [numbers] }, chief);
    await refused('own-privileges', 'ChangeRole', second, { grants: {} }, numbers);
  });
});

describe('what is in use is not removed', () => {
  const limit = (roleIds: string[]): object => ({
    ...FIRST_SECURITY_SETTINGS,
    activityMonitoring: {
      ...FIRST_SECURITY_SETTINGS.activityMonitoring,
      limits: [{ measure: 'deal.opened', window: 'day', max: 30, action: 'alert', scope: { roleIds } }],
    },
  });

  it('a role', async () => {
    const id = await newRole({});
    const person = await newPerson({ roleIds: [id] });
    await refused('in-use', 'DeleteRole', admin, null, id);
    await send('ChangeUser', admin, { roleIds: [] }, person);
    const department = await newDepartment(null, [id]);
    await refused('in-use', 'DeleteRole', admin, null, id);
    await send('ChangeDepartmentRoles', admin, { roleIds: [] }, department);
    const child = await newRole({}, id);
    await refused('in-use', 'DeleteRole', admin, null, id);
    await send('DeleteRole', admin, null, child);
    await send('ChangeSecuritySettings', admin, limit([id]));
    await refused('in-use', 'DeleteRole', admin, null, id);
    await send('ChangeSecuritySettings', admin, FIRST_SECURITY_SETTINGS);
    expect(await send('DeleteRole', admin, null, id)).toMatchObject({ version: 2 });
    for (const command of ['DeleteRole', 'ChangeRole'] as const) await refused('not-found', command, admin, {}, id);
    await refused('unknown-reference', 'ChangeUser', admin, { roleIds: [id] }, person);
    await refused('unknown-reference', 'CreateRole', admin, { name: 'R', extends: id, grants: {} });
    await refused('unknown-reference', 'ChangeSecuritySettings', admin, limit([id]));
  });

  it('a department', async () => {
    const id = await newDepartment();
    const child = await newDepartment(id);
    await refused('in-use', 'DeleteDepartment', admin, null, id);
    await send('DeleteDepartment', admin, null, child);
    const person = await newPerson({ departmentId: id });
    await refused('in-use', 'DeleteDepartment', admin, null, id);
    await send('ChangeUser', admin, { departmentId: null }, person);
    await refused('forbidden', 'DeleteDepartment', person, null, id);
    await send('DeleteDepartment', admin, null, id);
    for (const command of ['DeleteDepartment', 'ChangeDepartment'] as const) await refused('not-found', command, admin, {}, id);
    await refused('unknown-reference', 'ChangeUser', admin, { departmentId: id }, person);
    await refused('unknown-reference', 'CreateDepartment', admin, { name: 'D', parentId: id });
  });

  it.each([
    ['a role and a person', 'Role', (id: string) => ['ChangeUser', { roleIds: [id] }, newPerson] as const],
    ['a role and a department', 'Role', (id: string) => ['ChangeDepartmentRoles', { roleIds: [id] }, newDepartment] as const],
    ['a role and its child', 'Role', (id: string) => ['ChangeRole', { extends: id }, () => newRole({})] as const],
    ['a department and a person', 'Department', (id: string) => ['ChangeUser', { departmentId: id }, newPerson] as const],
    ['a department and its child', 'Department', (id: string) => ['ChangeDepartment', { parentId: id }, newDepartment] as const],
  ])('also when both come at once: %s', async (_what, kind, take) => {
    for (let round = 0; round < 6; round += 1) {
      const id = kind === 'Role' ? await newRole({}) : await newDepartment();
      const [name, body, newTaker] = take(id);
      const taker = await newTaker();
      const acts = await Promise.all([
        commands.authorized(`Delete${kind}` as CommandName, admin, null, id),
        commands.authorized(name, admin, body, taker),
      ]);
      const outcomes = codesOf(await Promise.allSettled(acts.map((act) => act())));
      expect([
        ['in-use', 'ok'],
        ['ok', 'unknown-reference'],
      ]).toContainEqual(outcomes);
    }
  });
});
