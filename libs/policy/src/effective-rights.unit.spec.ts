import { CELLS, compileRights, exceeds, groupOf, heldRoleIds, resolveGrants, type Grants, type Role } from './index.js';

const role = (id: string, grants: Grants, extendsId: string | null = null): Role => ({ id, name: id, extendsId, grants });
const rightsOf = (roles: Role[], roleIds = roles.map(({ id }) => id), isAdmin = false) =>
  compileRights({ isAdmin, roles, roleIds });

describe('compileRights', () => {
  it('takes the widest level per cell and tells who gave it', () => {
    const rights = rightsOf([
      role('a', { contact: { view: 'group', edit: 'responsible' } }),
      role('b', { contact: { view: 'responsible', edit: 'responsible', delete: 'forbidden' } }),
    ]);
    expect(['view', 'edit', 'delete', 'call'].map((action) => rights.level('contact', action))).toEqual([
      'group',
      'responsible',
      'forbidden',
      'forbidden',
    ]);
    expect(rights.grantedBy('contact', 'view')).toEqual(['a']);
    expect(rights.grantedBy('contact', 'edit')).toEqual(['a', 'b']);
    expect(rights.grantedBy('contact', 'delete')).toEqual([]);
  });

  it("lets a child's cells replace its parent's, narrower ones too", () => {
    const roles = [
      role('top', { contact: { view: 'allowed', edit: 'allowed', delete: 'group' } }),
      role('middle', { contact: { edit: 'forbidden' }, deal: { move: 'group' } }, 'top'),
      role('leaf', { contact: { view: 'responsible' } }, 'middle'),
    ];
    expect(resolveGrants('leaf', roles)).toEqual({
      contact: { view: 'responsible', edit: 'forbidden', delete: 'group' },
      deal: { move: 'group' },
    });
  });

  it('grants nothing by a role that is missing, whose parent is missing, or whose parents run in a circle', () => {
    const wide: Grants = { contact: { view: 'allowed' } };
    const roles = [
      role('orphan', wide, 'gone'),
      role('x', wide, 'y'),
      role('y', wide, 'x'),
      role('below-circle', wide, 'x'),
      role('self', wide, 'self'),
    ];
    for (const id of ['orphan', 'x', 'y', 'below-circle', 'self', 'nobody', '__proto__']) {
      expect(resolveGrants(id, roles)).toBeNull();
      expect(rightsOf(roles, [id]).level('contact', 'view')).toBe('forbidden');
    }
  });

  it('reads a damaged or newer stored level as forbidden, without falling back to the parent', () => {
    const parent = role('parent', { contact: { view: 'allowed', create: 'allowed' }, deal: { view: 'allowed' } });
    const damaged = { contact: { view: 'everything', create: 'group' }, deal: null, moon: { view: 'allowed' } };
    const rights = rightsOf([parent, role('child', damaged as unknown as Grants, 'parent')], ['child']);
    for (const [subject, action] of Object.entries({ contact: 'view', deal: 'view', moon: 'view' })) {
      expect(rights.level(subject, action)).toBe('forbidden');
    }
    expect(rights.level('contact', 'create')).toBe('forbidden');
    expect(rightsOf([parent, role('none', null as unknown as Grants, 'parent')], ['none']).level('contact', 'view')).toBe(
      'forbidden',
    );
  });

  it('gives an administrator everything but full numbers and addresses', () => {
    const admin = rightsOf([], [], true);
    const without = CELLS.filter(({ subject, action }) => admin.level(subject, action) !== 'allowed').map(({ path }) => path);
    expect(without).toEqual(['grants.phone.view', 'grants.email.view']);
    expect(admin.level('phone', 'view')).toBe('forbidden');
    expect(rightsOf([role('a', { phone: { view: 'group' } })], ['a'], true).level('phone', 'view')).toBe('group');
  });

  it('forbids what the catalogue does not know, to administrators too', () => {
    const admin = rightsOf([], [], true);
    for (const [subject, action] of [
      ['contact', 'fly'],
      ['castle', 'view'],
      ['__proto__', 'view'],
      ['contact', 'constructor'],
      ['contact', 'move'],
      ['', ''],
    ] as const) {
      expect(admin.level(subject, action)).toBe('forbidden');
    }
  });

  it('forbids everything to a person in no role', () => {
    const nobody = rightsOf([role('a', { contact: { view: 'allowed' } })], []);
    expect(CELLS.every(({ subject, action }) => nobody.level(subject, action) === 'forbidden')).toBe(true);
  });

  it('shows the full matrix as JSON', () => {
    const shown = JSON.parse(JSON.stringify(rightsOf([role('a', { deal: { move: 'group' } })]))) as Record<string, object>;
    expect(shown['deal']).toMatchObject({ move: 'group', view: 'forbidden' });
    expect(Object.values(shown).flatMap((row) => Object.keys(row))).toHaveLength(CELLS.length);
  });
});

describe('exceeds', () => {
  const granter = rightsOf([role('a', { contact: { view: 'group' }, settings: { view: 'allowed' } })]);

  it('names the cells beyond what the granter holds', () => {
    expect(exceeds(granter, { contact: { view: 'group', edit: 'forbidden' }, settings: { view: 'allowed' } })).toEqual([]);
    expect(exceeds(granter, { contact: { view: 'allowed', edit: 'responsible' }, roles: { edit: 'allowed' } })).toEqual([
      'grants.contact.view',
      'grants.contact.edit',
      'grants.roles.edit',
    ]);
  });

  it('lets an administrator grant any cell, also those he does not hold', () => {
    expect(exceeds(rightsOf([], [], true), { phone: { view: 'allowed' } })).toEqual([]);
  });
});

describe('departments', () => {
  const departments = [
    { id: 'sales', roleIds: ['seller'] },
    { id: 'north', parentId: 'sales', roleIds: ['northerner'] },
    { id: 'south', parentId: 'sales' },
    { id: 'loop', parentId: 'pool', roleIds: ['looper'] },
    { id: 'pool', parentId: 'loop' },
    { id: 'adrift', parentId: 'gone' },
  ];
  const people = ['sales', 'north', 'south', 'loop', 'pool', 'adrift', 'gone', null].map((departmentId) => ({
    id: `in-${departmentId}`,
    departmentId,
    roleIds: ['own'],
  }));
  const group = (departmentId: string | null) => [...groupOf({ id: 'me', departmentId }, people, departments)].sort();

  it('makes a group of my department and those below, and of me alone without one', () => {
    expect(group('sales')).toEqual(['in-north', 'in-sales', 'in-south', 'me']);
    expect(group('north')).toEqual(['in-north', 'me']);
    expect(group(null)).toEqual(['me']);
  });

  it.each(['loop', 'pool', 'adrift', 'gone'])('makes a group of me alone where the tree is broken (%s)', (departmentId) => {
    expect(group(departmentId)).toEqual(['me']);
  });

  it('gives the roles of the department and those above it', () => {
    const held = (departmentId: string | null) =>
      heldRoleIds({ id: 'me', departmentId, roleIds: ['own', 'seller'] }, departments);
    expect(held('north')).toEqual(['own', 'seller', 'northerner']);
    expect(held('sales')).toEqual(['own', 'seller']);
    expect(held('loop')).toEqual(['own', 'seller']);
    expect(held(null)).toEqual(['own', 'seller']);
  });
});
