import { LEVELS, allows, compileRights, decide, filterFor, groupOf, matches, mayAssign, mayAtAll } from './index.js';
import type { Grants, Level, Principal } from './index.js';

const departments = [
  { id: 'root' },
  { id: 'mine', parentId: 'root' },
  { id: 'below', parentId: 'mine' },
  { id: 'other', parentId: 'root' },
];
const people = [
  { id: 'me', departmentId: 'mine' },
  { id: 'colleague', departmentId: 'mine' },
  { id: 'junior', departmentId: 'below' },
  { id: 'boss', departmentId: 'root' },
  { id: 'stranger', departmentId: 'other' },
];

function principal(grants: Grants, { isAdmin = false, groupUserIds = groupOf(people[0]!, people, departments) } = {}): Principal {
  const rights = compileRights({ isAdmin, roles: [{ id: 'r1', name: 'Role', grants }], roleIds: ['r1'] });
  return { userId: 'me', isAdmin, rights, groupUserIds };
}

const owners = {
  own: 'me',
  'same department': 'colleague',
  below: 'junior',
  above: 'boss',
  another: 'stranger',
  "nobody's": null,
};
const reached: Record<Level, readonly string[]> = {
  forbidden: [],
  responsible: ['own'],
  group: ['own', 'same department', 'below'],
  allowed: Object.keys(owners),
};

describe.each(LEVELS)('at %s', (level) => {
  const viewer = principal({ contact: { view: level } });

  it.each(Object.entries(owners))('a record that is %s', (whose, responsibleId) => {
    const expected = reached[level].includes(whose);
    expect(decide(viewer, 'contact', 'view', { responsibleId })).toMatchObject({ allowed: expected, level });
    expect(matches(filterFor(viewer, 'contact', 'view'), { responsibleId })).toBe(expected);
  });

  it('may be allowed at all unless forbidden', () => {
    expect(mayAtAll(viewer, 'contact', 'view')).toBe(level !== 'forbidden');
  });
});

describe('decide', () => {
  it('tells why', () => {
    const viewer = principal({ contact: { view: 'group', edit: 'responsible' } });
    expect(decide(viewer, 'contact', 'view', { responsibleId: 'junior' }).because).toEqual([
      'contact.view is group by role r1',
      'the responsible person is in the group of the person',
    ]);
    expect(decide(viewer, 'contact', 'view', { responsibleId: 'boss' }).because[1]).toContain('not in the group');
    expect(decide(viewer, 'contact', 'edit', { responsibleId: 'junior' }).because[1]).toContain('another person');
    expect(decide(viewer, 'contact', 'edit', { responsibleId: null }).because[1]).toContain('no responsible person');
    expect(decide(viewer, 'contact', 'delete', { responsibleId: 'me' }).because).toEqual(['no role grants contact.delete']);
    expect(decide(principal({}, { isAdmin: true }), 'deal', 'move', { responsibleId: null }).because).toEqual([
      'an administrator has deal.move at allowed',
    ]);
  });

  it('forbids unknown subjects and actions, to administrators too', () => {
    const admin = principal({}, { isAdmin: true });
    for (const [subject, action] of [
      ['castle', 'view'],
      ['contact', 'move'],
      ['__proto__', 'toString'],
    ] as const) {
      const decision = decide(admin, subject as 'contact', action as 'view', { responsibleId: 'me' });
      expect(decision).toEqual({ allowed: false, level: 'forbidden', because: ['there is no such right, so it is forbidden'] });
      expect(filterFor(admin, subject as 'contact', action as 'view')).toEqual({ kind: 'nothing' });
      expect(mayAtAll(admin, subject as 'contact', action as 'view')).toBe(false);
    }
  });

  it('does not unmask to the responsible person by itself, nor to an administrator', () => {
    for (const viewer of [principal({ contact: { view: 'allowed' } }), principal({}, { isAdmin: true })]) {
      expect(decide(viewer, 'phone', 'view', { responsibleId: 'me' }).allowed).toBe(false);
    }
  });
});

describe('allows', () => {
  it('is true at allowed only', () => {
    const viewer = principal({ contact: { create: 'allowed' }, settings: { edit: 'forbidden' } });
    expect([allows(viewer, 'contact', 'create'), allows(viewer, 'settings', 'edit'), allows(viewer, 'audit', 'view')]).toEqual([
      true,
      false,
      false,
    ]);
    // A caller that asks for a four-level right here is answered for every record, not for some.
    expect(allows(principal({ contact: { view: 'group' } }), 'contact', 'view' as 'create')).toBe(false);
  });
});

describe('filterFor', () => {
  it('keeps everything, nothing and some people apart', () => {
    expect(filterFor(principal({ deal: { view: 'allowed' } }), 'deal', 'view')).toEqual({ kind: 'everything' });
    expect(filterFor(principal({}), 'deal', 'view')).toEqual({ kind: 'nothing' });
    const group = principal({ deal: { view: 'group' } });
    expect(filterFor(group, 'deal', 'view')).toEqual({ kind: 'responsible', userIds: ['colleague', 'junior', 'me'] });
  });

  it('matches nothing with an empty list of people', () => {
    const empty = { kind: 'responsible', userIds: [] } as const;
    for (const responsibleId of Object.values(owners)) expect(matches(empty, { responsibleId })).toBe(false);
  });

  it('counts the person to his group even when it was given without him', () => {
    const viewer = principal({ contact: { view: 'group' } }, { groupUserIds: new Set() });
    expect(filterFor(viewer, 'contact', 'view')).toEqual({ kind: 'responsible', userIds: ['me'] });
    expect(decide(viewer, 'contact', 'view', { responsibleId: 'me' }).allowed).toBe(true);
  });
});

describe('mayAssign', () => {
  const table: Record<Level, readonly [from: string | null, to: string | null, may: boolean][]> = {
    forbidden: [['me', 'me', false]],
    responsible: [
      ['me', 'me', true],
      ['me', 'colleague', false],
      ['colleague', 'me', false],
    ],
    group: [
      ['me', 'junior', true],
      ['junior', 'colleague', true],
      ['me', 'stranger', false],
      ['stranger', 'me', false],
      ['me', null, false],
      [null, 'me', false],
    ],
    allowed: [
      ['stranger', 'boss', true],
      ['me', null, true],
      [null, 'me', true],
    ],
  };

  it.each(LEVELS.flatMap((level) => table[level].map((row) => [level, ...row] as const)))(
    'at %s from %s to %s: %s',
    (level, from, to, may) => {
      expect(mayAssign(principal({ deal: { assign: level } }), 'deal', { responsibleId: from }, to)).toBe(may);
    },
  );
});
