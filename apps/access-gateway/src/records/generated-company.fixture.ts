import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type pg from 'pg';
import { LEVELS, type Level } from '#policy';

const TYPES = ['contact', 'company', 'deal'] as const;
export type Type = (typeof TYPES)[number];
/** The subjects whose levels decide what is seen of a record. */
export type ViewedSubject = Type | 'attribution';

/** A company with nested departments, roles that extend each other, people of several roles, and records of everybody and nobody. */
export interface GeneratedCompany {
  readonly departments: ReadonlyArray<{
    readonly id: string;
    readonly parentId: string | null;
    readonly roleIds: readonly string[];
  }>;
  readonly roles: ReadonlyArray<{
    readonly id: string;
    readonly extendsId: string | null;
    readonly views: Readonly<Partial<Record<ViewedSubject, Level>>>;
  }>;
  readonly people: ReadonlyArray<{
    readonly id: string;
    readonly departmentId: string | null;
    readonly roleIds: readonly string[];
    readonly isAdmin: boolean;
    readonly isActive: boolean;
  }>;
  readonly records: ReadonlyArray<{ readonly id: string; readonly type: Type; readonly responsibleId: string | null }>;
}
export type Person = GeneratedCompany['people'][number];
export type GeneratedRecord = GeneratedCompany['records'][number];

const place = (most: number) => fc.option(fc.nat(most), { nil: null, freq: 4 });
const given = fc.array(fc.nat(5), { maxLength: 2 });
const level = fc.option(fc.constantFrom(...LEVELS), { nil: undefined });

const shape = fc.record({
  departments: fc.array(fc.record({ above: place(5), given }), { minLength: 1, maxLength: 6 }),
  roles: fc.array(
    fc.record({
      above: fc.option(fc.nat(6), { nil: null, freq: 1 }),
      views: fc.record({ contact: level, company: level, deal: level, attribution: level }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  people: fc.array(fc.record({ in: place(5), given, luck: fc.nat(19) }), { minLength: 2, maxLength: 5 }),
});

/** Ids are fresh for each company; a parent of a department is an earlier one, that of a role any, itself and missing ones too. */
export const generatedCompany: fc.Arbitrary<GeneratedCompany> = shape.map(({ departments, roles, people }) => {
  const [departmentIds, roleIds, personIds] = [departments, roles, people].map((list) => list.map(() => randomUUID())) as [
    string[],
    string[],
    string[],
  ];
  const rolesOf = (indexes: readonly number[]) => [...new Set(indexes)].flatMap((index) => roleIds[index] ?? []);
  const owners = [...personIds, randomUUID(), null];
  return {
    departments: departments.map(({ above, given: roles }, index) => ({
      id: departmentIds[index] as string,
      parentId: above === null || index === 0 ? null : (departmentIds[above % index] as string),
      roleIds: rolesOf(roles),
    })),
    roles: roles.map(({ above, views }, index) => ({
      id: roleIds[index] as string,
      extendsId: above === null ? null : (roleIds[above] ?? randomUUID()),
      views: Object.fromEntries(Object.entries(views).filter(([, one]) => one !== undefined)),
    })),
    people: people.map((person, index) => ({
      id: personIds[index] as string,
      departmentId: person.in === null ? null : (departmentIds[person.in] ?? null),
      roleIds: rolesOf(person.given),
      isAdmin: person.luck === 0,
      isActive: person.luck < 17,
    })),
    records: TYPES.flatMap((type) => owners.map((responsibleId) => ({ id: randomUUID(), type, responsibleId }))),
  };
});

/** Writes it as core's projections do; each deal has all contacts, and an attribution. What was there before goes. */
export async function writeCompany(core: pg.Pool, { departments, roles, people, records }: GeneratedCompany): Promise<void> {
  const ofType = (type: Type) => records.filter((record) => record.type === type);
  const rows: ReadonlyArray<readonly [text: string, rows: readonly unknown[]]> = [
    [
      `INSERT INTO read.departments (id, name, parent_id, role_ids, version)
       SELECT d.id, 'D', d."parentId", d."roleIds", 1 FROM jsonb_to_recordset($1) AS d(id uuid, "parentId" uuid, "roleIds" uuid[])`,
      departments,
    ],
    [
      `INSERT INTO read.roles (id, name, extends_id, grants, version)
       SELECT r.id, 'R', r."extendsId", r.grants, 1 FROM jsonb_to_recordset($1) AS r(id uuid, "extendsId" uuid, grants jsonb)`,
      roles.map(({ views, ...role }) => ({
        ...role,
        grants: Object.fromEntries(Object.entries(views).map(([subject, view]) => [subject, { view }])),
      })),
    ],
    [
      `INSERT INTO read.users (id, email, name, status, is_admin, created_at, updated_at, version)
       SELECT p.id, p.id::text, 'P', 'active', p."isAdmin", now(), now(), 1 FROM jsonb_to_recordset($1) AS p(id uuid, "isAdmin" boolean)`,
      people,
    ],
    [
      `INSERT INTO read.principals (user_id, status, is_admin, department_id, role_ids, epoch, epoch_since, version)
       SELECT p.id, CASE WHEN p."isActive" THEN 'active' ELSE 'deactivated' END, p."isAdmin", p."departmentId", p."roleIds", 0, now(), 1
       FROM jsonb_to_recordset($1) AS p(id uuid, "isActive" boolean, "isAdmin" boolean, "departmentId" uuid, "roleIds" uuid[])`,
      people,
    ],
    ...(['contacts', 'companies'] as const).map((table) => {
      const text = `INSERT INTO read.${table} (id, name, search, responsible_id, created_at, updated_at, version)
        SELECT r.id, 'N', '', r."responsibleId", now(), now(), 1 FROM jsonb_to_recordset($1) AS r(id uuid, "responsibleId" uuid)`;
      return [text, ofType(table === 'contacts' ? 'contact' : 'company')] as const;
    }),
    [
      `INSERT INTO read.deals (id, title, search, responsible_id, pipeline_id, stage_id, status, contact_ids, created_at, updated_at, version)
       SELECT r.id, 'T', '', r."responsibleId", r.id, r.id, 'open', (SELECT array_agg(id) FROM read.contacts), now(), now(), 1
       FROM jsonb_to_recordset($1) AS r(id uuid, "responsibleId" uuid)`,
      ofType('deal'),
    ],
    [
      `INSERT INTO read.deal_attributions (deal_id, values, version)
       SELECT r.id, '{"utm_source": "x"}', 1 FROM jsonb_to_recordset($1) AS r(id uuid)`,
      ofType('deal'),
    ],
  ];
  const tables = ['departments', 'roles', 'users', 'principals', 'contacts', 'companies', 'deals', 'deal_attributions'];
  await core.query(`DELETE FROM ${tables.map((table) => `read.${table}`).join('; DELETE FROM ')}`);
  for (const [text, values] of rows) await core.query(text, [JSON.stringify(values)]);
}

/**
 * The page "Who may do what" written down once more, from the record's side, sharing nothing with policy, filters or SQL: each role on
 * its own either reaches the record or does not, and one that does is enough.
 */
export function maySee(company: GeneratedCompany, me: Person, subject: ViewedSubject, record: GeneratedRecord): boolean {
  if (me.isAdmin) return true;
  const department = (id: string | null) => company.departments.find((one) => one.id === id);
  const wayUp = (id: string | null): readonly string[] => {
    const here = department(id);
    return here === undefined ? [] : [here.id, ...wayUp(here.parentId)];
  };
  const role = (id: string | null) => company.roles.find((one) => one.id === id);
  const isSound = (id: string, steps = 0): boolean => {
    const one = role(id);
    return one !== undefined && steps < company.roles.length && (one.extendsId === null || isSound(one.extendsId, steps + 1));
  };
  const says = (id: string | null): Level | undefined =>
    role(id)?.views[subject] ?? (role(id) && says(role(id)?.extendsId ?? null));
  const owner = company.people.find(({ id }) => id === record.responsibleId);
  const isInGroup = owner === me || (me.departmentId !== null && wayUp(owner?.departmentId ?? null).includes(me.departmentId));
  const held = [...me.roleIds, ...wayUp(me.departmentId).flatMap((id) => department(id)?.roleIds ?? [])];
  return held.some((id) => {
    const told = isSound(id) ? says(id) : undefined;
    if (told === 'allowed') return true;
    if (owner === undefined) return false;
    return told === 'group' ? isInGroup : told === 'responsible' && owner === me;
  });
}
