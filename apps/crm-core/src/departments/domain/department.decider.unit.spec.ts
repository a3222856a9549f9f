import fc from 'fast-check';
import { fold } from '#kernel';
import { departmentDecider, wouldCircle, type DepartmentEvent } from './department.decider.js';

const created: DepartmentEvent = { type: 'DepartmentCreated', data: { name: 'Sales', parentId: null } };
const given = (...events: DepartmentEvent[]) => fold(departmentDecider, events);

describe('a department', () => {
  it('given nothing, when created, then created', () => {
    expect(departmentDecider.decide({ type: 'create', fields: created.data as never }, given())).toEqual([created]);
  });

  it('given one, when renamed, then only the name', () => {
    const command = { type: 'change', changes: { name: 'North', parentId: null }, weakened: [] } as const;
    expect(departmentDecider.decide(command, given(created))).toEqual([
      { type: 'DepartmentChanged', data: { name: 'North', weakened: [] } },
    ]);
  });

  it('given none, when changed, then not-found', () => {
    expect(() => departmentDecider.decide({ type: 'change', changes: {}, weakened: [] }, given())).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
  });
});

describe('the roles of a department', () => {
  const roles = (...roleIds: string[]): DepartmentEvent => ({ type: 'DepartmentRolesChanged', data: { roleIds, weakened: [] } });

  it('given some, when others are set, then those and each once', () => {
    const command = { type: 'change-roles', roleIds: ['b', 'c', 'b'], weakened: [] } as const;
    expect(departmentDecider.decide(command, given(created, roles('a', 'b')))).toEqual([roles('b', 'c')]);
  });

  it('given some, when the same are set in another order, then nothing', () => {
    const command = { type: 'change-roles', roleIds: ['b', 'a', 'a'], weakened: [] } as const;
    expect(departmentDecider.decide(command, given(created, roles('a', 'b')))).toEqual([]);
  });

  it('given it is deleted, when anything comes, then not-found', () => {
    const deleted: DepartmentEvent = { type: 'DepartmentDeleted', data: {} };
    expect(departmentDecider.decide({ type: 'delete' }, given(created, roles('a')))).toEqual([deleted]);
    for (const command of [
      { type: 'delete' },
      { type: 'change-roles', roleIds: [], weakened: [] },
      { type: 'change', changes: {}, weakened: [] },
    ] as const)
      expect(() => departmentDecider.decide(command, given(created, deleted))).toThrow(
        expect.objectContaining({ code: 'not-found' }),
      );
  });
});

describe('the tree', () => {
  it('refuses itself, its own children and unknown parents', () => {
    const tree = [
      { id: 'a', parentId: null },
      { id: 'b', parentId: 'a' },
      { id: 'c', parentId: 'b' },
    ];
    expect(wouldCircle(tree, 'a', 'a')).toBe(true);
    expect(wouldCircle(tree, 'a', 'c')).toBe(true);
    expect(wouldCircle(tree, 'a', 'x')).toBe(true);
    expect(wouldCircle(tree, 'c', 'a')).toBe(false);
    expect(wouldCircle(tree, 'd', 'c')).toBe(false);
    expect(wouldCircle(tree, 'a', null)).toBe(false);
  });

  it('stays a tree under any moves that are let through', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(6), fc.option(fc.nat(6), { nil: null })), { maxLength: 40 }), (moves) => {
        const parents = new Map<string, string | null>(Array.from({ length: 7 }, (_, n) => [String(n), null]));
        for (const [id, parent] of moves) {
          const tree = [...parents].map(([node, parentId]) => ({ id: node, parentId }));
          const parentId = parent === null ? null : String(parent);
          if (!wouldCircle(tree, String(id), parentId)) parents.set(String(id), parentId);
        }
        for (const start of parents.keys()) {
          let steps = 0;
          for (let at: string | null = start; at !== null; at = parents.get(at) ?? null) expect((steps += 1)).toBeLessThan(8);
        }
      }),
    );
  });
});
