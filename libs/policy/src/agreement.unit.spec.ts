import fc from 'fast-check';
import { LEVELS, compileRights, decide, filterFor, groupOf, heldRoleIds, matches } from './index.js';
import type { Department, Grants, Level, Member, OwnedRecord, Principal, RecordFilter, Role } from './index.js';

/** A company with nested departments, inherited roles (some broken), people, and the owner of each record. */
interface Company {
  readonly departments: readonly (Department & { readonly roleIds: readonly string[] })[];
  readonly roles: readonly Role[];
  readonly people: readonly (Member & { readonly roleIds: readonly string[]; readonly isAdmin: boolean })[];
}

const subjects = ['contact', 'deal', 'phone'] as const;

const levels = fc.option(fc.constantFrom(...LEVELS), { nil: undefined });
const grants = fc
  .record({ contact: levels, deal: levels, phone: levels })
  .map((row) => Object.fromEntries(Object.entries(row).flatMap(([s, view]) => (view ? [[s, { view }]] : []))) as Grants);
const roleIds = fc.array(
  fc.nat(5).map((index) => `r${index}`),
  { maxLength: 2 },
);
const place = (most: number) => fc.option(fc.nat(most), { nil: null, freq: 4 });

const company: fc.Arbitrary<Company> = fc.record({
  // A parent is an earlier department, so it is a tree; depth up to six.
  departments: fc.array(fc.record({ above: place(5), roleIds }), { maxLength: 6 }).map((rows) =>
    rows.map(({ above, roleIds }, index) => ({
      id: `d${index}`,
      parentId: above === null || index === 0 ? null : `d${above % index}`,
      roleIds,
    })),
  ),
  // A parent is any role, itself and missing ones too.
  roles: fc.array(fc.record({ above: fc.option(fc.nat(6), { nil: null, freq: 1 }), grants }), { maxLength: 6 }).map((rows) =>
    rows.map(({ above, grants }, index) => ({
      id: `r${index}`,
      name: '',
      extendsId: above === null ? null : `r${above}`,
      grants,
    })),
  ),
  people: fc
    .array(fc.record({ in: place(5), roleIds, isAdmin: fc.nat(9).map((n) => n === 0) }), { minLength: 1, maxLength: 6 })
    .map((rows) =>
      rows.map((row, index) => ({
        id: `p${index}`,
        departmentId: row.in === null ? null : `d${row.in}`,
        roleIds: row.roleIds,
        isAdmin: row.isAdmin,
      })),
    ),
});

const recordsOf = ({ people }: Company): readonly OwnedRecord[] =>
  [...people.map(({ id }) => id), 'left-the-company', null].map((responsibleId) => ({ responsibleId }));

function principalOf({ departments, roles, people }: Company, person: Company['people'][number]): Principal {
  const rights = compileRights({ isAdmin: person.isAdmin, roles, roleIds: heldRoleIds(person, departments) });
  return { userId: person.id, isAdmin: person.isAdmin, rights, groupUserIds: groupOf(person, people, departments) };
}

/**
 * The page "Who may do what" written down a second time, from the record's side and sharing nothing with the policy: each
 * role on its own either reaches the record or not, and one that does is enough.
 */
function model(
  company: Company,
  me: Company['people'][number],
  subject: (typeof subjects)[number],
  record: OwnedRecord,
): boolean {
  if (me.isAdmin && subject !== 'phone') return true;
  const department = (id: string | null | undefined) => company.departments.find((one) => one.id === id);
  const isUnder = (id: string | null | undefined, top: string): boolean =>
    department(id) !== undefined && (id === top || isUnder(department(id)?.parentId, top));
  const rolesAbove = (id: string | null | undefined): readonly string[] => {
    const here = department(id);
    return here ? [...here.roleIds, ...rolesAbove(here.parentId)] : [];
  };
  const sound = (id: string, steps: number): boolean => {
    const role = company.roles.find((one) => one.id === id);
    return role !== undefined && steps <= company.roles.length && (!role.extendsId || sound(role.extendsId, steps + 1));
  };
  const says = (id: string): Level | undefined => {
    const role = company.roles.find((one) => one.id === id);
    return role?.grants[subject]?.view ?? (role?.extendsId ? says(role.extendsId) : undefined);
  };
  const owner = company.people.find(({ id }) => id === record.responsibleId);
  return [...me.roleIds, ...rolesAbove(me.departmentId)].some((id) => {
    const level = sound(id, 1) ? says(id) : undefined;
    if (level === 'allowed') return true;
    if (!owner) return false;
    if (level === 'responsible') return owner === me;
    return level === 'group' && (owner === me || (me.departmentId !== null && isUnder(owner.departmentId, me.departmentId)));
  });
}

type Question = { principal: Principal; subject: (typeof subjects)[number]; record: OwnedRecord };
type Predicate = (question: Question) => boolean;

/** For every person, subject and record of a generated company, the predicate answers what the model answers. */
const agreesWithModel = (predicate: Predicate) =>
  fc.property(company, (generated) => {
    for (const person of generated.people) {
      const principal = principalOf(generated, person);
      for (const subject of subjects) {
        for (const record of recordsOf(generated)) {
          const expected = model(generated, person, subject, record);
          if (predicate({ principal, subject, record }) !== expected) return false;
        }
      }
    }
    return true;
  });

const decided: Predicate = ({ principal, subject, record }) => decide(principal, subject, 'view', record).allowed;
const listed: Predicate = ({ principal, subject, record }) => matches(filterFor(principal, subject, 'view'), record);

describe('on generated companies', () => {
  it('decide agrees with the written model', () => {
    fc.assert(agreesWithModel(decided), { numRuns: 3000 });
  });

  it('the filter agrees with the written model', () => {
    fc.assert(agreesWithModel(listed), { numRuns: 3000 });
  });

  it('covers every level, refusals and permissions', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(company, (generated) => {
        for (const person of generated.people) {
          const principal = principalOf(generated, person);
          for (const record of recordsOf(generated)) {
            const { allowed, level } = decide(principal, 'contact', 'view', record);
            seen.add(`${level} ${allowed}`);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect([...seen].sort()).toEqual(
      ['allowed true', 'forbidden false', 'group false', 'group true', 'responsible false', 'responsible true'].sort(),
    );
  });
});

/** Mistakes somebody could make in a filter; each must be caught by the property above. */
const planted: Record<string, (filter: RecordFilter, question: Question) => boolean> = {
  'nothing as no condition': (filter, { record }) => filter.kind === 'nothing' || matches(filter, record),
  'records of nobody shown to a group': (filter, { record }) =>
    (filter.kind === 'responsible' && record.responsibleId === null) || matches(filter, record),
  'the group cut to oneself': (filter, { principal, record }) =>
    filter.kind === 'responsible' ? record.responsibleId === principal.userId : matches(filter, record),
  'oneself taken for the group': (filter, { principal, record }) =>
    filter.kind === 'responsible' ? principal.groupUserIds.has(record.responsibleId ?? '') : matches(filter, record),
  'an administrator seeing all': (filter, { principal, record }) => principal.isAdmin || matches(filter, record),
  'a negated null': (filter, { record }) =>
    filter.kind === 'everything' ? record.responsibleId !== null : matches(filter, record),
};

describe('a wrong filter is caught', () => {
  it.each(Object.entries(planted))('%s', (_mistake, wrong) => {
    const predicate: Predicate = (question) => wrong(filterFor(question.principal, question.subject, 'view'), question);
    expect(fc.check(agreesWithModel(predicate), { numRuns: 3000 }).failed).toBe(true);
  });
});
